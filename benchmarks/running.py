"""Running a benchmark: every system in a process of its own, judged by our one evaluator."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import label_running
from benchmarks.benchmark import Benchmark
from benchmarks.curves import time_to_equal
from benchmarks.exchange import DEPTH, Listed, read_curve, read_lists, write_train
from benchmarks.labels import LabelBenchmark
from benchmarks.processes import call, machine, ours, theirs, wanted
from benchmarks.protocols import parts_of
from regard.measurement.evaluate import evaluate
from regard.measurement.splits import Split
from regard.measurement.truth import Protocol, truth_of

Row: TypeAlias = dict[str, Any]
FEW = 10  # resamples where no interval is asked for


def run(
    name: str, data: Path, only: str | None, seeds: Sequence[int] | None, named: Sequence[str] | None = None
) -> dict[str, Any]:
    """Everything about one benchmark id, or its parts `named`, as one JSON object; systems that fail are under
    "left_out"."""
    parts = {part: b for part, b in parts_of(name).items() if named is None or part in named}
    found = {}
    for part, b in parts.items():
        if isinstance(b, LabelBenchmark):
            found[part] = label_running.run_part(name, part, b, data, (only, seeds or b.seeds))
        else:
            found[part] = _run_part(name, part, b, data, (only, seeds or (0,)))
    joined = ("rows", "comparisons", "left_out", "equal", "by_seed", "notes")
    return {
        "id": name,
        **({"judged": label_running.JUDGED} if isinstance(next(iter(parts.values())), LabelBenchmark) else {}),
        "dataset": " + ".join(parts),
        "protocol": "; ".join(dict.fromkeys(b.protocol for b in parts.values())),
        "split_sha256": "+".join(own["split_sha256"] for own in found.values()),
        "machine": machine(max(b.threads for b in parts.values())),
        "threads": max(b.threads for b in parts.values()),
        **{key: [row for own in found.values() for row in own.get(key, ())] for key in joined},
    }


@dataclass
class _Heard:
    """What the workers of one part gave: rows of the table, lists by label and view, learning curves by label."""

    rows: list[Row] = field(default_factory=list)
    listed: dict[str, dict[str, Listed]] = field(default_factory=dict)
    curves: dict[str, list[tuple[float, int, Listed]]] = field(default_factory=dict)
    left_out: list[Row] = field(default_factory=list)


def _run_part(
    name: str, part: str, benchmark: Benchmark, data: Path, asked: tuple[str | None, Sequence[int]]
) -> dict[str, Any]:
    split = benchmark.load(benchmark.where(data))
    rules = benchmark.judged(split)
    views = {view.name: view.of(split) for view in benchmark.views}
    with tempfile.TemporaryDirectory() as scratch:
        heard = _hear((name, part), benchmark, split, data, asked, Path(scratch))
    if not heard.listed:
        why = (f"{row['system']} {row['model']}: {row['why']}" for row in heard.left_out)
        raise SystemExit(f"{name} {part}: nothing to judge. " + "; ".join(why))
    report = evaluate(
        {label: own[""] for label, own in heard.listed.items()},
        split,
        benchmark.k,
        metrics=benchmark.metrics,
        protocol=rules,
    )
    print(report, file=sys.stderr)
    for row, label in zip(heard.rows, heard.listed, strict=True):
        _judge(row, label, report, split.sha256)
        for view, (own, how) in views.items():
            if view in heard.listed[label]:
                row["metrics"] |= _seen(view, heard.listed[label][view], own, how, benchmark)
        row["curve"] = [
            {"seconds": seconds, "epochs": epochs, "metrics": _plain(listed, split, rules, benchmark)}
            for seconds, epochs, listed in heard.curves[label]
        ]
    return {
        "split_sha256": split.sha256,
        "rows": heard.rows,
        "comparisons": [{"dataset": part, **asdict(comparison)} for comparison in report.comparisons],
        "left_out": heard.left_out,
        "equal": [{"dataset": part, **row} for row in time_to_equal(heard.rows, report.labels[0])],
        "notes": [benchmark.beside(benchmark.where(data))] if benchmark.beside else [],
    }


def _hear(
    which: tuple[str, str],
    benchmark: Benchmark,
    split: Split,
    data: Path,
    asked: tuple[str | None, Sequence[int]],
    scratch: Path,
) -> _Heard:
    """Start every worker, one after the other, and read what it gave."""
    (only, seeds), heard = asked, _Heard()
    rules = benchmark.judged(split)
    people = truth_of(split, rules).users
    views = {view.name: truth_of(*view.of(split)).users for view in benchmark.views}
    train, out = scratch / "train.npz", scratch / "lists.npz"
    write_train(train, split, people, DEPTH * benchmark.k, again=not rules.exclude_seen)
    for system, model, command in _commands(which, benchmark, data, (train, out)):
        if not wanted(only, system, model):
            continue
        for seed in seeds:
            said = call(f"{system} {model}", command(), seed, benchmark.threads, benchmark.clock)
            if said:
                heard.left_out.append({"dataset": which[1], "system": system, "model": model, "why": said})
                break
            label = f"{system} {model}" + (f", seed {seed}" if len(seeds) > 1 else "")
            heard.listed[label], cost = read_lists(label, out, {"": people, **views})
            heard.curves[label] = read_curve(label, out, people)
            row = {"dataset": which[1], "system": system, "model": model, "metrics": {}, **cost, "seed": seed}
            heard.rows.append(row)
    return heard


def _judge(row: Row, label: str, report: Any, sha256: str) -> None:
    row["metrics"] = {metric: report.value(label, metric) for metric in report.labels}
    row["intervals"] = {
        m.metric: [m.low, m.high] for m in report.measures if (m.model, m.slice) == (label, "all") and m.low is not None
    }
    row["split_sha256"] = sha256


def _seen(view: str, listed: Listed, split: Split, rules: Protocol, benchmark: Benchmark) -> dict[str, float]:
    """The last of the metrics on one more view, under the name of both."""
    label, value = list(_plain(listed, split, rules, benchmark).items())[-1]
    return {f"{label} {view}": value}


def _plain(listed: Listed, split: Split, rules: Protocol, benchmark: Benchmark) -> dict[str, float]:
    """The metrics of one set of lists, without intervals."""
    rules = replace(rules, resamples=FEW, slices=False)
    report = evaluate({"it": listed}, split, benchmark.k, metrics=benchmark.metrics, protocol=rules)
    return {metric: report.value("it", metric) for metric in report.labels}


def _commands(which: tuple[str, str], benchmark: Benchmark, data: Path, files: tuple[Path, Path]) -> Iterator[Any]:
    """(system, model, how to start its worker), ours first; `{seed}` stands for the seed."""
    for model in benchmark.recipes():
        command = ours("fit_ours", *which, model, "{seed}", str(data), str(files[1]))
        yield "regard", model, lambda command=command: command
    for peer in benchmark.peers:
        yield peer.library, peer.model, lambda peer=peer: theirs(peer, "", benchmark.repeats, files)
