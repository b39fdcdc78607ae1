"""Import: files of any known layout into the store, once, with a cleaning report; all of it or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from regard.data import quarantine, staging
from regard.data.cleaning import Cleaner
from regard.data.cleaning_report import Finding, ImportReport, SourceReport
from regard.data.files.layouts import recognise
from regard.data.files.opening import LIMITS, Limits
from regard.data.files.source import Mapped, Source
from regard.data.findings import PACE, Pace, find_bursts, find_odd_columns, find_refused, find_unknown
from regard.domain.errors import InvalidInput
from regard.domain.run import Progress, silent

if TYPE_CHECKING:
    from regard.data.postgres import Store
    from regard.data.store.database import Connection

REMEMBER = """INSERT INTO imports (source, sha256, finished, report)
VALUES (%s, %s, clock_timestamp(), %s) RETURNING id::text"""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import, where the defaults do not fit.

    `precedence`: by file name or `folder/name`; a field keeps the word of the higher one, equal ones the newer word
    (default 0).
    `mapped`: which columns hold what, for tables whose names we do not know. `limits`: what a file may demand.
    `pace`: who counts as a robot.
    """

    precedence: Mapping[str, int] = field(default_factory=dict)
    mapped: Mapped | None = None
    limits: Limits = LIMITS
    pace: Pace = PACE


def import_paths(
    paths: Sequence[Path],
    store: Store,
    *,
    now: float,
    progress: Progress = silent,
    options: ImportOptions | None = None,
) -> ImportReport:
    """Read files and folders into the store, in one transaction; importing the same again changes nothing.

    `now` (unix seconds) judges times from the future. Bad rows go to the quarantine. Errors: InvalidInput for a file
    that cannot be read or understood (then nothing at all is imported), Unavailable if the store goes away.
    """
    options = options or ImportOptions()
    sources, left = recognise(paths, options.mapped)
    _check_mapped(sources, options.mapped)
    sources = _ranked(sources, options.precedence)
    with store.transaction() as connection:
        staging.prepare(connection)
        told = _Told(progress, [source.path.stat().st_size for source in sources])
        cleaners = [_stage(connection, n, source, now, options, told) for n, source in enumerate(sources)]
        progress("merging", 0.7)
        staging.lock_new_rows(connection, {source.kind for source in sources})
        return _merge(connection, cleaners, options, progress, tuple((one.name, one.why) for one in left))


def _ranked(sources: Sequence[Source], precedence: Mapping[str, int]) -> list[Source]:
    names = {name for source in sources for name in (source.name, source.path.name)}
    for name in precedence.keys() - names:
        raise InvalidInput("precedence", f"the name of a file that is read: {', '.join(sorted(names))}", repr(name))
    return [
        replace(source, precedence=precedence.get(source.name, precedence.get(source.path.name, 0)))
        for source in sources
    ]


def _check_mapped(sources: Sequence[Source], mapped: Mapped | None) -> None:
    """A mapping that fits no file is a slip of the pen."""
    columns = {} if mapped is None else {column: field for field, column in mapped.columns.items()}
    if columns and not any(columns.items() <= dict(source.fields).items() for source in sources):
        names = ", ".join(source.name for source in sources)
        raise InvalidInput("mapped columns", f"a file with the columns {', '.join(columns)}", f"none of {names}")


@dataclass(frozen=True, slots=True)
class _Told:
    """Reading is 70% of the way; each file counts by its size."""

    progress: Progress
    sizes: Sequence[int]

    def __call__(self, n: int, name: str, share: float) -> None:
        done = (sum(self.sizes[:n]) + share * self.sizes[n]) / max(1, sum(self.sizes))
        self.progress(f"reading {name}", 0.7 * done)


def _stage(connection: Connection, n: int, source: Source, now: float, options: ImportOptions, told: _Told) -> Cleaner:
    cleaner = Cleaner(source, now)
    number = pl.lit(n, pl.Int32).alias("source")
    for batch in source.batches(options.limits):
        good, bad = cleaner.clean(batch)
        staging.copy(connection, source.kind, good.select(number, pl.all()))
        field = pl.concat_str(pl.lit(f"{source.kind}."), pl.col("field"))
        staging.copy(connection, "bad", bad.select(number, pl.all()).with_columns(field=field))
        told(n, source.name, batch.share)
    if not cleaner.rows:
        raise InvalidInput(str(source.path), "at least one row", "a header or nothing")
    return cleaner


def _merge(
    connection: Connection,
    cleaners: Sequence[Cleaner],
    options: ImportOptions,
    progress: Progress,
    left: tuple[tuple[str, str], ...],
) -> ImportReport:
    names = [cleaner.source.name for cleaner in cleaners]
    resolved = quarantine.resolve(connection)
    new, again = {"items": 0, "users": 0}, 0
    for n, source in enumerate(cleaner.source for cleaner in cleaners):
        if source.kind != "events":
            kind: Literal["items", "users"] = source.kind
            merged = staging.merge_entities(connection, kind, n, source.name, source.precedence)
            new[kind] += merged.new
            again += merged.repeated
    staged = any(cleaner.source.kind == "events" for cleaner in cleaners)
    keyed = any("id" in cleaner.source.fields.values() for cleaner in cleaners if cleaner.source.kind == "events")
    progress("merging events", 0.75)
    events = staging.merge_events(connection, keyed) if staged else staging.Merged()
    progress("looking for what is odd", 0.95)
    findings = find_refused(connection, names)
    if events.repeated or again:
        findings.append(_duplicates(events.repeated, again))
    if staged:
        findings += find_unknown(connection) + find_bursts(connection, options.pace)
    findings += find_odd_columns(cleaners)
    refused = {int(n): int(rows) for n, rows in connection.execute("SELECT source, count(*) FROM raw_bad GROUP BY 1")}
    told = tuple(_about(n, cleaner, refused) for n, cleaner in enumerate(cleaners))
    read = sum(one.rows - one.quarantined for one in told if one.kind == "events")
    report = ImportReport(
        told, events.new, read - events.new, new["items"], new["users"], resolved, tuple(findings), left
    )
    quarantine.keep_bad(connection, _remember(connection, cleaners, report), names)
    if events.new:
        staging.read_anew(connection)
    progress("done", 1.0)
    return report


def _about(n: int, cleaner: Cleaner, refused: Mapping[int, int]) -> SourceReport:
    source = cleaner.source
    return SourceReport(source.name, source.kind, source.layout, cleaner.rows, refused.get(n, 0))


def _duplicates(events: int, entities: int) -> Finding:
    done = "equal events stay apart (two equal invoice lines are two); rows about one id are merged by field"
    return Finding("duplicates", events + entities, done, (f"{events} events", f"{entities} items or users"))


def _remember(connection: Connection, cleaners: Sequence[Cleaner], report: ImportReport) -> list[str]:
    """One row of `imports` a file, with its checksum and counts (no examples: those may name people); their ids."""
    ids = []
    for cleaner, said in zip(cleaners, report.sources, strict=True):
        with cleaner.source.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        counts = json.dumps(
            {"kind": said.kind, "layout": said.layout, "rows": said.rows, "quarantined": said.quarantined}
        )
        row = connection.execute(REMEMBER, (said.name, digest, counts)).fetchone()
        ids.append(str(row[0]) if row else "")
    return ids
