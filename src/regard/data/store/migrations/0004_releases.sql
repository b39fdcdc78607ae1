-- What an action on a shown item is worth (domain/worths.py); no rows: the default.
CREATE TABLE worths (
    place int PRIMARY KEY,
    type text NOT NULL,
    worth float8 NOT NULL,
    "window" float8 NOT NULL,
    at_least float8,
    "full" float8
);

-- Releases: the folder holds what never changes, the row holds where it stands and who said so.
CREATE TABLE releases (
    name text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('candidate', 'refused', 'canary', 'live', 'retired')),
    share float8 NOT NULL DEFAULT 0 CHECK (share >= 0 AND share <= 1),  -- of the traffic, while it is a canary
    since float8 NOT NULL,  -- unix seconds: when it came into this state
    about jsonb NOT NULL,  -- release.json as it stands in the folder
    gate jsonb NOT NULL DEFAULT '[]',  -- the conditions with value, bound and verdict
    approver text,
    approved float8,
    signature text
);
CREATE UNIQUE INDEX one_live_release ON releases ((true)) WHERE state = 'live';
CREATE UNIQUE INDEX one_canary_release ON releases ((true)) WHERE state = 'canary';

-- Every step, for good: rows are added and neither changed nor taken away.
CREATE TABLE release_steps (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at float8 NOT NULL,
    name text NOT NULL,
    was text,
    state text NOT NULL,
    who text NOT NULL,
    why text NOT NULL DEFAULT '',
    emergency bool NOT NULL DEFAULT false
);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is a log: rows are only added', TG_TABLE_NAME; END $$;
CREATE TRIGGER release_steps_stay BEFORE UPDATE OR DELETE ON release_steps
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- How far a job has come.
CREATE TABLE job_progress (
    job bigint PRIMARY KEY,
    stage text NOT NULL,
    share float8 NOT NULL,
    at float8 NOT NULL,
    said text NOT NULL DEFAULT ''
);
