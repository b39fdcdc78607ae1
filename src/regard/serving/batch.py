"""Batch: a list for everybody at once, as Parquet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from regard.data.tails import NEWEST
from regard.domain.request import UNKNOWN, Query
from regard.domain.run import Progress, silent
from regard.domain.weights import LESS
from regard.serving.installation import Installation
from regard.serving.session import AHEAD
from regard.serving.settings import now
from regard.serving.together import Walk, walk

AT_ONCE = 500  # people whose lists are held in memory
FIELDS = pa.schema(
    [
        ("user", pa.string()), ("position", pa.int32()), ("item", pa.string()), ("score", pa.float64()),
        ("propensity", pa.float64()), ("source", pa.string()), ("release", pa.string()), ("at", pa.float64()),
    ]
)  # fmt: skip


@dataclass
class Written:
    """How many people got a list, and how many lists each source that failed was left out of."""

    people: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def write_lists(here: Installation, out: Path, k: int = 10, seed: int = 0, tell: Progress = silent) -> Written:
    """The lists of all people as rows of `out`, one a slot. It appears whole or not at all.

    The same corridor as of one request, but no source is too slow, and nothing is logged as shown. Who allows no
    profile gets a list without one, and without what they wished away.
    """
    live, draft = here.live, out.with_name(f".{out.name}.draft")
    out.parent.mkdir(parents=True, exist_ok=True)
    written = Written()
    with pq.ParquetWriter(draft, FIELDS) as file:
        for table in _tables(here, k, seed, written):
            file.write_table(table)
            tell("write lists", written.people / max(1, len(live.data.users)))
    draft.replace(out)
    return written


def _tables(here: Installation, k: int, seed: int, written: Written) -> Iterator[pa.Table]:
    live, rng = here.live, np.random.default_rng(seed)
    data = here.everybody()
    quiet, at = here.store.unprofiled(), now()
    names = [(row, name) for row, name in enumerate(data.users) if not name.startswith("\0")]
    for start in range(0, len(names), AT_ONCE):
        chosen, walks, rows = names[start : start + AT_ONCE], [], []
        for row, name in chosen:
            known = row if row < len(live.data.users) else UNKNOWN
            query = data.query(row, k, at=at, language=here.settings.language)
            query = replace(_as_asked(query), user=known)
            query = Query(at, k, blocked=query.unwanted) if name in quiet else query
            walks.append(Walk(live, query, int(rng.integers(1 << 62))))
        for (_, name), found in zip(chosen, walk(walks), strict=True):
            if isinstance(found, Exception):
                raise found
            written.left_out.update(found[1].left_out)
            rows += [
                (name, s.position, live.catalogue.id(s.row), s.score, s.propensity, s.source, live.release.name, at)
                for s in found[1].slots
            ]
        columns = list(zip(*rows, strict=True)) or [()] * len(FIELDS)
        written.people += len(chosen)
        yield pa.table([pa.array(c, f.type) for c, f in zip(columns, FIELDS, strict=True)], schema=FIELDS)


def _as_asked(query: Query) -> Query:
    """The query with the history that a request would look at: the newest of what has happened."""
    then = query.history
    done = then.where(then.times <= query.at + AHEAD)
    newest = done.where(np.arange(len(done)) >= len(done) - NEWEST)
    newest = replace(newest, times=np.minimum(newest.times, query.at))
    return replace(query, history=newest, met=np.unique(done.rows), unwanted=done.rows_of(LESS))
