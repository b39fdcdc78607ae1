-- The past of items and weights: a logged list is filled again from those of its moment. One change makes one version,
-- however often a transaction writes the same row; what stays as it was keeps its number.
ALTER TABLE items ADD COLUMN created bigint NOT NULL DEFAULT 0;  -- the number of the change with which it came
ALTER TABLE gone_items ADD COLUMN created bigint NOT NULL DEFAULT 0;

-- An item as it stood from change `changed` on, until another; a column that items gets is added here too, at the end.
CREATE TABLE item_versions (until bigint NOT NULL, LIKE items);
CREATE INDEX item_versions_by_end ON item_versions (until);
CREATE INDEX item_versions_by_row ON item_versions (row);

CREATE OR REPLACE FUNCTION number_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.changed := (SELECT n FROM changes WHERE what = 'items');
        NEW.created := NEW.changed;
        RETURN NEW;
    END IF;
    IF (NEW.title, NEW.text, NEW.tags, NEW.creator, NEW.images, NEW.audio, NEW.attributes, NEW.valid_from,
        NEW.valid_until, NEW.hidden) IS NOT DISTINCT FROM (OLD.title, OLD.text, OLD.tags, OLD.creator, OLD.images,
        OLD.audio, OLD.attributes, OLD.valid_from, OLD.valid_until, OLD.hidden) THEN
        RETURN NEW;
    END IF;
    NEW.changed := (SELECT n FROM changes WHERE what = 'items');
    IF OLD.xmin <> pg_current_xact_id()::xid THEN  -- somebody else may have read it
        INSERT INTO item_versions SELECT NEW.changed, OLD.*;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION remember_gone() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO gone_items (row, changed, created) SELECT OLD.row, n, OLD.created FROM changes WHERE what = 'items';
    DELETE FROM item_versions WHERE row = OLD.row;
    RETURN NULL;
END $$;

CREATE TABLE weight_versions (n bigint PRIMARY KEY, weights jsonb NOT NULL);
CREATE FUNCTION remember_weights() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    DELETE FROM weight_versions WHERE xmin = pg_current_xact_id()::xid;
    INSERT INTO weight_versions SELECT n, (SELECT coalesce(jsonb_agg(w ORDER BY place), '[]') FROM event_weights w)
        FROM changes WHERE what = 'weights';
    RETURN NULL;
END $$;
CREATE TRIGGER weights_versioned AFTER INSERT OR UPDATE OR DELETE ON event_weights  -- after `weights_told` has counted
    FOR EACH STATEMENT EXECUTE FUNCTION remember_weights();
INSERT INTO weight_versions SELECT n, (SELECT coalesce(jsonb_agg(w ORDER BY place), '[]') FROM event_weights w)
    FROM changes WHERE what = 'weights';
