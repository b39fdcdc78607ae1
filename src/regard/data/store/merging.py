"""Words about the same item or person merged field by field, with precedence and provenance, in SQL.

A caller fills the temporary table that `stage_items`/`stage_users` makes (one row an id; NULL: says nothing about that
field, unless `cleared` names it: then what stood there goes, as far as the words may write it; `place` orders new
rows), then calls `merge_items`/`merge_users` in the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from regard.data.store.database import Connection

Kind = Literal["user", "item", "event type"]

STAGED_ITEMS = """CREATE TEMP TABLE staged_items (place bigint, id text PRIMARY KEY, title text, text text, tags text[],
    creator text, images text[], audio text[], attributes jsonb, valid_from float8, valid_until float8, hidden bool,
    cleared text[] NOT NULL DEFAULT '{}', source text NOT NULL DEFAULT '', precedence int NOT NULL DEFAULT 0)
    ON COMMIT DROP"""

STAGED_USERS = """CREATE TEMP TABLE staged_users (place bigint, id text PRIMARY KEY, attributes jsonb, consent jsonb,
    cleared text[] NOT NULL DEFAULT '{}', source text NOT NULL DEFAULT '', precedence int NOT NULL DEFAULT 0)
    ON COMMIT DROP"""

NEW_ROWS = """WITH new AS (SELECT id, min(place) AS place FROM {staged} s
        WHERE NOT EXISTS (SELECT FROM {kind}s WHERE id = s.id) GROUP BY id),
    claimed AS MATERIALIZED (SELECT claim_rows('{kind}', (SELECT count(*) FROM new)) AS first)
    INSERT INTO {kind}s (row, id, known)
    SELECT first + row_number() OVER (ORDER BY place, id) - 1, id, false FROM new, claimed"""

# What each staged row may write: the fields it speaks of whose recorded source has no higher precedence.
SAID = """WITH spoken AS (
        SELECT id, cleared, source, precedence, to_jsonb(x) -> 'consent' AS consent,
            jsonb_strip_nulls(to_jsonb(x) - '{{place,id,cleared,source,precedence,attributes,consent}}'::text[])
            || coalesce(jsonb_strip_nulls(attributes), '{{}}') AS fields FROM staged_{kind}s x
    ), said AS (
        SELECT t.row AS at, cleared, source, precedence, s.consent AS agreed, coalesce((
            SELECT jsonb_object_agg(key, value) FROM jsonb_each(fields)
            WHERE may_write(t.provenance, key, precedence)), '{{}}') AS said
        FROM spoken s JOIN {kind}s t USING (id)
    ) """

SOURCES = """provenance = t.provenance || coalesce((
        SELECT jsonb_object_agg(key, jsonb_build_array(source, precedence)) FROM jsonb_object_keys(said) key), '{}')"""

TEXTS = "{0} = CASE WHEN said ? '{0}' THEN ARRAY(SELECT jsonb_array_elements_text(said -> '{0}')) ELSE t.{0} END"

# What stays of a moment and of the attributes where nothing is said: all of it, unless the words clear them.
MOMENT = """{0} = coalesce((said ->> '{0}')::float8, CASE WHEN '{0}' = ANY(cleared)
        AND may_write(t.provenance, '{0}', precedence) THEN NULL ELSE t.{0} END)"""
ATTRIBUTES = """attributes = CASE WHEN 'attributes' = ANY(cleared) THEN (
        SELECT coalesce(jsonb_object_agg(key, value), '{}')
        FROM jsonb_each(t.attributes) WHERE NOT may_write(t.provenance, key, precedence)) ELSE t.attributes END || """

MERGE_ITEMS = (
    SAID.format(kind="item")  # noqa: S608 constants only
    + """UPDATE items t SET known = true,
    title = coalesce(said ->> 'title', t.title), text = coalesce(said ->> 'text', t.text),
    creator = coalesce(said ->> 'creator', t.creator),
    hidden = coalesce((said ->> 'hidden')::bool, t.hidden), """
    + ATTRIBUTES
    + "(said - '{title,text,tags,creator,images,audio,valid_from,valid_until,hidden}'::text[]), "
    + ", ".join(MOMENT.format(name) for name in ("valid_from", "valid_until"))
    + ", "
    + ", ".join([*(TEXTS.format(name) for name in ("tags", "images", "audio")), SOURCES])
    + " FROM said WHERE t.row = at"
)

MERGE_USERS = (
    SAID.format(kind="user")  # noqa: S608 constants only
    + "UPDATE users t SET known = true, "
    + ATTRIBUTES
    + """said, consent = t.consent || coalesce(nullif(agreed, 'null'), '{}'), """
    + SOURCES
    + " FROM said WHERE t.row = at"
)


def lock_new_rows(connection: Connection, *kinds: Kind) -> None:
    """Wait for other writers of new rows; taken before any other lock, so that writers never stand crosswise."""
    connection.execute("SELECT FROM next_rows WHERE kind = ANY(%s) ORDER BY kind FOR UPDATE", (list(kinds),))


def add_rows(connection: Connection, kind: Literal["user", "item"], staged: str) -> int:
    """Rows (known = false) for the ids of table `staged` (place, id) that have none; how many are new.

    Call `lock_new_rows` first, in an own statement, so that this one sees what the others wrote.
    """
    return connection.execute(NEW_ROWS.format(kind=kind, staged=staged).encode()).rowcount


def stage_items(connection: Connection) -> None:
    """The empty table `staged_items`, gone at the end of the transaction."""
    connection.execute(STAGED_ITEMS.encode())


def stage_users(connection: Connection) -> None:
    """The empty table `staged_users`, gone at the end of the transaction."""
    connection.execute(STAGED_USERS.encode())


def merge_items(connection: Connection) -> int:
    """Merge `staged_items` into items; how many items are new."""
    lock_new_rows(connection, "item")
    new = add_rows(connection, "item", "staged_items")
    connection.execute(MERGE_ITEMS.encode())
    return new


def merge_users(connection: Connection) -> int:
    """Merge `staged_users` into users; how many people are new. The newest word about a consent counts."""
    lock_new_rows(connection, "user")
    new = add_rows(connection, "user", "staged_users")
    connection.execute("SELECT FROM users WHERE id IN (SELECT id FROM staged_users) ORDER BY row FOR NO KEY UPDATE")
    connection.execute(MERGE_USERS.encode())
    return new


def fold(spoken: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One dictionary an id: later words override, mappings merge; None says nothing."""
    folded: dict[str, dict[str, Any]] = {}
    for words in spoken:
        before = folded.setdefault(words["id"], {})
        for name, value in words.items():
            if isinstance(value, dict):
                before[name] = {**before.get(name, {}), **value}
            elif value is not None or name not in before:
                before[name] = value
    return list(folded.values())
