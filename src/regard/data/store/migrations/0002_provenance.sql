-- Where each field came from ({field: [source, precedence]}), what was imported, and the rows that could not be.
ALTER TABLE users ADD COLUMN provenance jsonb NOT NULL DEFAULT '{}';
ALTER TABLE items ADD COLUMN provenance jsonb NOT NULL DEFAULT '{}';

CREATE TABLE imports (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    source text NOT NULL,
    sha256 text NOT NULL,
    started timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished timestamptz,
    report jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE quarantine (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id uuid,
    source text NOT NULL,
    row_number bigint NOT NULL,
    field text NOT NULL DEFAULT '',
    expected text NOT NULL DEFAULT '',
    got text NOT NULL DEFAULT '',
    raw text NOT NULL DEFAULT '',
    person text,  -- the user id in that row, where it could be read: forgetting them takes the row along
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- May a source of this precedence write this field? Equal precedence: the newer word counts.
CREATE FUNCTION may_write(provenance jsonb, field text, precedence int) RETURNS bool LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce((provenance -> field ->> 1)::int <= precedence, true) $$;
