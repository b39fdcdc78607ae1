"""Joining: runs of one benchmark, by system, model or seed, as one: `python -m benchmarks.joining JSON ...`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.label_running import summed_up
from benchmarks.labels import LabelBenchmark
from benchmarks.protocols import parts_of
from benchmarks.results import keep, markdown

JOINED = (
    "The fits of this page come from several runs on one machine and the same events, with more or less other work "
    "beside them: fit seconds are not to be compared."
)


def joined(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All fits of `runs` as one run; ValueError where they judged other events, or one fit stands there twice."""
    hashes = {(row["dataset"], row["split_sha256"]) for run in runs for row in run["rows"]}
    rows, by_seed = ([row for run in runs for row in run.get(key, ())] for key in ("rows", "by_seed"))
    fits = [(row["dataset"], row["system"], row["model"], row["seed"]) for row in by_seed or rows]
    if len({run["id"] for run in runs}) > 1 or len(dict(hashes)) < len(hashes):
        raise ValueError("these runs are of other benchmarks, or of other events")
    if len(set(fits)) < len(fits):
        raise ValueError("a fit stands in more than one of these runs")
    told: dict[str, Mapping[str, Any]] = {}
    for part, benchmark in parts_of(runs[0]["id"]).items():
        if part in dict(hashes):
            own = [row for row in by_seed or rows if row["dataset"] == part]
            if isinstance(benchmark, LabelBenchmark):
                told[part] = summed_up(own, dict(hashes)[part], benchmark.against)
            else:
                told[part] = _lists(own, runs, part)
    found = {key: [row for part in told.values() for row in part[key]] for key in ("rows", "comparisons", "notes")}
    return {
        **runs[0],
        **found,
        "dataset": " + ".join(told),
        "split_sha256": "+".join(dict(hashes)[part] for part in told),
        "notes": [JOINED, *found["notes"]],
        "by_seed": by_seed,
        "left_out": [row for run in runs for row in run["left_out"]],
    }


def _lists(rows: Sequence[Mapping[str, Any]], runs: Sequence[Mapping[str, Any]], part: str) -> dict[str, Any]:
    """Lists were judged by each run itself; a run of before `by_seed` kept none."""
    apart = [row for run in runs for row in run["comparisons"] if row["dataset"] == part]
    return {"rows": rows, "comparisons": apart, "notes": [note for run in runs for note in run.get("notes", ())]}


def main(*files: str) -> None:
    """Keep and print the joined run."""
    found = joined([json.loads(Path(file).read_text("utf-8")) for file in files])
    keep(found)
    print(markdown(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
