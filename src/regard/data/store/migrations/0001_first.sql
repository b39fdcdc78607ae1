-- People, items, events. Rows are integers from 0 that never come back: catalogue, Dataset and models use the same.
CREATE TABLE next_rows (kind text PRIMARY KEY, next int NOT NULL);
INSERT INTO next_rows VALUES ('user', 0), ('item', 0), ('event type', 0);

-- The first of `n` new rows. Holding the counter's row until commit makes writers of one kind wait for each other.
CREATE FUNCTION claim_rows(which text, n bigint) RETURNS int LANGUAGE sql VOLATILE AS
$$ UPDATE next_rows SET next = next + n::int WHERE kind = which RETURNING next - n::int $$;

CREATE TABLE users (
    row int PRIMARY KEY,
    id text NOT NULL UNIQUE,
    attributes jsonb NOT NULL DEFAULT '{}',
    consent jsonb NOT NULL DEFAULT '{}',
    known bool NOT NULL DEFAULT true  -- false: met in events only
);

CREATE TABLE items (
    row int PRIMARY KEY,
    id text NOT NULL UNIQUE,
    title text NOT NULL DEFAULT '',
    text text NOT NULL DEFAULT '',
    tags text[] NOT NULL DEFAULT '{}',
    creator text NOT NULL DEFAULT '',
    images text[] NOT NULL DEFAULT '{}',
    audio text[] NOT NULL DEFAULT '{}',
    attributes jsonb NOT NULL DEFAULT '{}',
    valid_from float8,
    valid_until float8,
    hidden bool NOT NULL DEFAULT false,
    known bool NOT NULL DEFAULT true
);

CREATE TABLE item_vectors (
    item_row int NOT NULL,
    encoder text NOT NULL,
    vector vector NOT NULL,
    PRIMARY KEY (encoder, item_row)
);

CREATE TABLE event_types (code smallint PRIMARY KEY, name text NOT NULL UNIQUE);

-- The log. Few indexes: it is written far more often than it is read by anything but a person's newest events.
CREATE TABLE events (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    id uuid PRIMARY KEY,
    key text,  -- the caller's own id
    user_row int NOT NULL,
    item_row int NOT NULL,
    type smallint NOT NULL,
    value real NOT NULL DEFAULT 1,
    time float8 NOT NULL DEFAULT 0,
    slate text,
    position int,
    context jsonb
);
CREATE INDEX events_by_user ON events (user_row, seq);

CREATE TABLE event_weights (
    place int PRIMARY KEY,
    type text NOT NULL,
    weight real NOT NULL,
    at_least real,
    scaled bool NOT NULL DEFAULT false
);

-- Who an event is: the caller's id, or its content and its number among equal ones (from 0). The only definition.
CREATE FUNCTION event_id(key text, who text, what text, type text, value real, "time" float8, slate text, place int,
                         context jsonb, occurrence int) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$
    SELECT encode(substring(sha256(convert_to(CASE WHEN key <> '' THEN 'id:' || key ELSE
        length(who) || ':' || who || length(what) || ':' || what || length(type) || ':' || type
        || encode(float4send(value + 0::real), 'hex') || encode(float8send("time" + 0::float8), 'hex')
        || length(coalesce(slate, '')) || ':' || coalesce(slate, '') || coalesce(place, -1)
        || coalesce(nullif(context, '{}')::text, '') || '#' || occurrence END, 'UTF8')) FOR 16), 'hex')::uuid
$$;
