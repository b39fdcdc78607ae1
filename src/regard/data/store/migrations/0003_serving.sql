-- What running servers must notice: each change of items, keys, weights or releases grows a counter and tells listeners.
CREATE TABLE changes (what text PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
INSERT INTO changes (what) VALUES ('items'), ('keys'), ('weights'), ('releases');

CREATE FUNCTION tell_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    UPDATE changes SET n = n + 1 WHERE what = TG_ARGV[0];
    PERFORM pg_notify('regard_' || TG_TABLE_SCHEMA, TG_ARGV[0]);
    RETURN NULL;
END $$;

-- An item bears the number of its last change. Writers hold the counter until they commit, so that numbers become
-- visible in their order and "all items changed after n" misses none.
ALTER TABLE items ADD COLUMN changed bigint NOT NULL DEFAULT 0;
CREATE INDEX items_by_change ON items (changed);
CREATE TABLE gone_items (row int PRIMARY KEY, changed bigint NOT NULL);

CREATE FUNCTION number_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    NEW.changed := (SELECT n FROM changes WHERE what = 'items');
    RETURN NEW;
END $$;

CREATE FUNCTION remember_gone() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO gone_items SELECT OLD.row, n FROM changes WHERE what = 'items';
    RETURN NULL;
END $$;

CREATE TRIGGER items_told BEFORE INSERT OR UPDATE OR DELETE ON items FOR EACH STATEMENT EXECUTE FUNCTION tell_change('items');
CREATE TRIGGER items_numbered BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION number_change();
CREATE TRIGGER items_gone AFTER DELETE ON items FOR EACH ROW EXECUTE FUNCTION remember_gone();
CREATE TRIGGER weights_told AFTER INSERT OR UPDATE OR DELETE ON event_weights
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change('weights');

-- How often events of this person were taken back: whoever holds older ones reads them all again.
ALTER TABLE users ADD COLUMN retracted int NOT NULL DEFAULT 0;

-- "Less like this" teaches nobody to like it.
INSERT INTO event_weights (place, type, weight) SELECT max(place) + 1, 'less', 0 FROM event_weights
    HAVING count(*) > 0 AND NOT bool_or(type = 'less');

-- Keys of the HTTP interface: only their hashes are kept.
CREATE TABLE keys (
    hash bytea PRIMARY KEY,
    name text NOT NULL UNIQUE,
    role text NOT NULL CHECK (role IN ('read', 'write', 'expert', 'admin')),
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked timestamptz
);
CREATE TRIGGER keys_told AFTER INSERT OR UPDATE OR DELETE ON keys FOR EACH STATEMENT EXECUTE FUNCTION tell_change('keys');

-- Every list that was served: what learning, tracing and replay need of it. One partition a month, made when it begins.
CREATE TABLE impressions (
    id uuid NOT NULL,
    at float8 NOT NULL,
    user_row int NOT NULL,  -- -1: nobody known
    release text NOT NULL,
    surface text NOT NULL,
    items int[] NOT NULL,  -- rows in the order shown; -1: an item that was deleted since
    propensities float8[] NOT NULL,
    body json NOT NULL,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX impressions_by_user ON impressions (user_row);
