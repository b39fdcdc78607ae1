"""Findings of an import: refused rows, duplicates, unknown ids, robots, odd columns; counted, with examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regard.data.cleaning import Cleaner
from regard.data.cleaning_report import Finding, shorten

if TYPE_CHECKING:
    from regard.data.store.database import Connection

KINDS = {
    "time": "bad times", "value": "impossible values", "position": "impossible positions", "line": "broken lines",
    "user": "missing or broken ids", "item": "missing or broken ids", "id": "missing, broken or repeated ids",
}  # fmt: skip

NEEDED = ("user", "item", "id", "time")  # rows without these are refused, and counted there


@dataclass(frozen=True, slots=True)
class Pace:
    """What a person can hardly do by hand: more events in one minute, or in one day (UTC), than this."""

    minute: int = 120
    day: int = 3000


PACE = Pace()


REFUSED = """SELECT source, row, field, expected, got FROM (SELECT *, row_number() OVER (PARTITION BY field ORDER BY
    source, row) AS nth FROM raw_bad) b WHERE nth <= 5 ORDER BY field, source, row"""

# A minute can only be too full on a day that is: days first, so that few events are counted twice.
BURSTS = """WITH days AS (SELECT user_row, floor(time / 86400) AS day, count(*) AS n FROM numbered WHERE time > 0
        GROUP BY 1, 2 HAVING count(*) > %(minute)s),
    minutes AS (SELECT user_row, day, max(n) AS n FROM (SELECT user_row, day, count(*) AS n
        FROM numbered JOIN days USING (user_row) WHERE time > 0 AND floor(time / 86400) = day
        GROUP BY user_row, day, floor(time / 60)) m GROUP BY 1, 2)
SELECT u.id, max(d.n), max(m.n), sum(d.n) FROM days d JOIN minutes m USING (user_row, day)
    JOIN users u ON u.row = user_row
WHERE d.n > %(day)s OR m.n > %(minute)s GROUP BY u.id ORDER BY max(m.n) DESC, u.id"""

MET = """SELECT id FROM met_{0} JOIN {0}s USING (id) WHERE NOT known ORDER BY place LIMIT 5"""
UNKNOWN = """SELECT count(*), coalesce(sum(n), 0) FROM met_{0} JOIN {0}s USING (id) WHERE NOT known"""


def find_refused(connection: Connection, names: Sequence[str]) -> list[Finding]:
    """Quarantined rows by what is wrong with them."""
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for field, n in connection.execute("SELECT field, count(*) FROM raw_bad GROUP BY 1 ORDER BY 1"):
        counts[_kind(field)] += n
    for source, row, field, expected, got in connection.execute(REFUSED.encode()):
        said = f"{names[source]} row {row}: {field.partition('.')[2]} {got}, expected {expected}"
        examples.setdefault(_kind(field), []).append(said)
    return [Finding(what, n, "put into quarantine", shorten(examples[what])) for what, n in counts.items()]


def _kind(field: str) -> str:
    return KINDS.get(field.partition(".")[2], "values that do not fit")


def find_unknown(connection: Connection) -> list[Finding]:
    """Ids that events name and no catalogue describes."""
    found = []
    for kind in ("user", "item"):
        ids, events = _one(connection, UNKNOWN.format(kind))
        if ids:
            examples = [name for (name,) in connection.execute(MET.format(kind).encode())]
            done = f"kept; the {kind}s have rows without attributes"
            found.append(Finding(f"unknown {kind} ids", ids, done, shorten([*examples[:4], f"in {events} events"])))
    return found


def find_bursts(connection: Connection, pace: Pace) -> list[Finding]:
    """People who act faster than people can."""
    rows = connection.execute(BURSTS.encode(), {"minute": pace.minute, "day": pace.day}).fetchall()
    if not rows:
        return []
    examples = [f"{name}: {minute} in a minute, {day} in a day" for name, day, minute, _ in rows]
    allowed = f"allowed: {pace.minute} and {pace.day}"
    return [Finding("robots and bursts", len(rows), "kept and flagged", shorten([*examples[:4], allowed]))]


def find_odd_columns(cleaners: Iterable[Cleaner]) -> list[Finding]:
    """Missing cells, constant columns, columns of mixed types, times that were converted."""
    found: dict[str, tuple[int, str, list[str]]] = {}

    def add(what: str, n: int, done: str, example: str) -> None:
        before, _, examples = found.get(what, (0, "", []))
        found[what] = (before + n, done, [*examples, example])

    for cleaner in cleaners:
        name = cleaner.source.name
        for column, n in cleaner.missing.items():
            if column not in NEEDED:
                add("missing values", n, "left empty (a default where the field has one)", f"{name} {column}: {n}")
        for column, value in cleaner.constant.items():
            add("constant columns", 1, "kept; they tell nobody apart", f"{name} {column}: {value!r}")
        for column, n in cleaner.mixed.items():
            add("columns of mixed types", n, "those rows keep their text", f"{name} {column}: {n}")
        for what, n in cleaner.converted.items():
            if n:
                add(what, n, "read as unix seconds", f"{name}: {n}")
    return [Finding(what, n, done, shorten(examples)) for what, (n, done, examples) in found.items()]


def _one(connection: Connection, query: str) -> tuple[Any, ...]:
    return connection.execute(query.encode()).fetchone() or (0, 0)
