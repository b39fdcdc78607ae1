"""The log of served lists: written many at once, read one by one, a partition of the store a month."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from regard.domain.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from regard.data.postgres import Store
    from regard.data.store.database import Connection

COPY = "COPY impressions (id, at, user_row, release, surface, items, propensities, body) FROM STDIN"

# Who is being forgotten at this moment is locked, and waited for by nobody.
KNOWN = "SELECT row FROM users WHERE row = ANY(%s) FOR KEY SHARE SKIP LOCKED"

LEAVES = 100  # milliseconds: for no longer do lists wait behind a month that cannot leave because it is being read
TRIES = 120  # half a second apart

# Few are read: the lists of one person since a moment.
LAST = """WHERE user_row = %s AND at >= %s AND surface = %s AND (body #> '{moment,filter}')::jsonb = %s::jsonb
    ORDER BY at DESC, id DESC LIMIT 1"""

READ = "SELECT id, at, user_row, release, surface, items, propensities, body FROM impressions"


@dataclass(frozen=True, slots=True)
class Impression:
    """One list as it was served.

    `id` begins with `at` (unix seconds) in milliseconds, so that an id alone finds its month. `items` (k,) are rows,
    `body` is JSON: all else that tracing and replay need.
    """

    id: uuid.UUID
    at: float
    user_row: int
    release: str
    surface: str
    items: tuple[int, ...]
    propensities: tuple[float, ...]
    body: Any  # bytes of JSON when written, the object when read


@dataclass(frozen=True, slots=True)
class Last:
    """The newest list that person `user_row` was served on a surface, with this filter (JSON), since `since`."""

    user_row: int
    surface: str
    filter: str
    since: float  # unix seconds


def impression_id(at: float, random: int) -> uuid.UUID:
    """A version 7 UUID (RFC 9562): 48 bits of milliseconds, then 74 of `random`.

    >>> impression_id(1.7e9, 5)
    UUID('018bcfe5-6800-7000-8000-000000000005')
    """
    low = (0b10 << 62) | (random & ((1 << 62) - 1))
    return uuid.UUID(int=(int(at * 1000) << 80) | (0x7 << 76) | ((random >> 62 & 0xFFF) << 64) | low)


class ImpressionLog:
    """The impressions of one store. Partitions are made when their month begins."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._months: set[str] = set()

    def write(self, batch: Sequence[Impression], seconds: float = 0) -> list[bool]:
        """Which of them are on disk now: all but those of people who are forgotten, or just about to be.

        None where one statement takes the store longer than `seconds` (0: it may).
        """
        with self.store.transaction() as connection:
            if seconds:
                connection.execute(f"SET LOCAL statement_timeout = {seconds * 1e3:.0f}".encode())
            people = list({one.user_row for one in batch})
            known = {-1, *(row for (row,) in connection.execute(KNOWN.encode(), (people,)))}
            months = {_month(one.at): one.at for one in batch}
            for name in months.keys() - self._months:
                _make_month(connection, name, months[name])
            with connection.cursor() as cursor, cursor.copy(COPY) as copy:
                for one in (one for one in batch if one.user_row in known):
                    body = one.body.decode() if isinstance(one.body, bytes) else one.body
                    copy.write_row(
                        (one.id, one.at, one.user_row, one.release, one.surface, list(one.items),
                         list(one.propensities), body)
                    )  # fmt: skip
        self._months |= months.keys()
        return [one.user_row in known for one in batch]

    def get(self, impression: str) -> Impression:
        """One served list by its id, or NotFound."""
        asked = _parsed(impression)
        if asked is not None:
            begins, ends = _second(asked)
            with self.store.reading() as connection:
                found = connection.execute(
                    f"{READ} WHERE id = %s AND at >= %s AND at < %s".encode(), (asked, begins, ends)
                ).fetchone()
            if found is not None:
                return _impression(*found)
        raise NotFound("recommendation id", "a list that was served and logged here", repr(impression))

    def last(self, asked: Last) -> Impression:
        """The newest list of those that are asked for, or NotFound."""
        values = (asked.user_row, asked.since, asked.surface, asked.filter)
        with self.store.reading() as connection:
            found = connection.execute(f"{READ} {LAST}".encode(), values).fetchone()
        if found is None:
            raise NotFound("the last list", "one that was served and logged here", repr(asked))
        return _impression(*found)

    def newest(self, n: int) -> list[Impression]:
        """The last `n` served lists, oldest first."""
        with self.store.reading() as connection:
            found = connection.execute(f"{READ} ORDER BY at DESC, id DESC LIMIT %s".encode(), (n,)).fetchall()
        return [_impression(*one) for one in reversed(found)]

    def drop_before(self, at: float) -> dict[str, int]:
        """Drop the months that ended before `at` (unix seconds); how many lists each held, by its name.

        Who reads the log is waited for, and lists that come meanwhile hardly are: Unavailable after a minute of that.
        """
        kept = _month(at)
        with self.store.reading() as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'impressions'::regclass"
                )
                if name.removeprefix("impressions_") < kept
            ]
            held = {name: _rows(connection, name) for name in sorted(names)}
        for last in (*[False] * TRIES, True) if held else ():
            try:
                with self.store.transaction() as connection:
                    connection.execute(f"SET LOCAL lock_timeout = {LEAVES}".encode())
                    connection.execute(f"DROP TABLE IF EXISTS {', '.join(held)}".encode())
                break
            except Unavailable as error:
                if last:
                    hint = "Let what reads it end (an export, a retraining), then tidy again."
                    got = f"months that are in use: {', '.join(held)}"
                    raise Unavailable("the log of lists", "a moment in which nobody reads it", got, hint) from error
            time.sleep(0.5)
        self._months.clear()
        return held


def _impression(*said: Any) -> Impression:
    name, at, user, release, surface, items, propensities, body = said
    return Impression(name, at, user, release, surface, tuple(items), tuple(propensities), body)


def _rows(connection: Connection, table: str) -> int:
    found = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608 one of our months
    return int(found[0]) if found else 0


def make_months(connection: Connection, moments: Iterable[float]) -> None:
    """The partitions that lists served at these moments (unix seconds) need."""
    for name, at in {_month(at): at for at in moments}.items():
        _make_month(connection, name, at)


def _make_month(connection: Connection, name: str, at: float) -> None:
    """A table that is attached when it stands: neither who reads the log nor who writes it waits for it."""
    moment = datetime.fromtimestamp(at, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = moment.replace(year=moment.year + moment.month // 12, month=moment.month % 12 + 1)
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('regard month'))")
    if connection.execute("SELECT to_regclass(%s)", (f"impressions_{name}",)).fetchone() == (None,):
        span = f"FROM ({moment.timestamp()!r}) TO ({after.timestamp()!r})"
        connection.execute(f"CREATE TABLE impressions_{name} (LIKE impressions INCLUDING DEFAULTS)".encode())
        attach = f"ALTER TABLE impressions ATTACH PARTITION impressions_{name} FOR VALUES {span}"
        connection.execute(attach.encode())


def _month(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y_%m")


def _parsed(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _second(impression: uuid.UUID) -> tuple[float, float]:
    """The span of time in which an id was given."""
    at = (impression.int >> 80) / 1000
    return at - 1, at + 1
