"""Running a benchmark of labels: every seed a fit, judged on its test events, paired with one peer over the seeds."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from scipy import stats

from benchmarks.labels import LabelBenchmark, labels_of, labels_sha256, write_events
from benchmarks.processes import call, ours, theirs, wanted
from regard.domain.arrays import Array
from regard.measurement.evaluate_predictions import LABEL, evaluate_labels

Row: TypeAlias = dict[str, Any]
JUDGED = "Means over the seeds with 95% t-intervals over them; with one seed, bootstrap intervals over the events."
RESAMPLES = 200  # of the events, with one seed


def run_part(
    name: str, part: str, benchmark: LabelBenchmark, data: Path, asked: tuple[str | None, Sequence[int]]
) -> dict[str, Any]:
    """Rows, comparisons with `against`, figures by seed and what was left out, of one data set."""
    (only, seeds), hashes = asked, []
    by_seed: list[Row] = []
    left_out: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        files = Path(scratch) / "events.npz", Path(scratch) / "chances.npz"
        for seed in seeds:
            split = benchmark.load(benchmark.where(data), seed)
            hashes.append(labels_sha256(split))
            write_events(files[0], split, benchmark.peers_read)
            for system, model, command in _commands((name, part), benchmark, data, files):
                failed = any((row["system"], row["model"]) == (system, model) for row in left_out)
                if failed or not wanted(only, system, model):
                    continue
                said = call(f"{system} {model}, seed {seed}", command(), seed, benchmark.threads)
                row = {"dataset": part, "system": system, "model": model}
                if said:
                    left_out.append({**row, "why": said})
                else:
                    by_seed.append({**row, "seed": seed, **_judged(files[1], labels_of(split.test), f"{part} {seed}")})
    sha256 = hashes[0] if len(set(hashes)) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    told = summed_up(by_seed, sha256, benchmark.against)
    return {"split_sha256": sha256, **told, "left_out": left_out, "by_seed": by_seed}


def summed_up(by_seed: Sequence[Row], sha256: str, against: str) -> dict[str, list[Any]]:
    """What the fits of one data set say together: rows of the table, comparisons with `against`, these in words."""
    compared = paired(by_seed, against)
    rows = [{**row, "split_sha256": sha256} for row in _together(by_seed)]
    return {"rows": rows, "comparisons": compared, "notes": [_sentence(row) for row in compared]}


def _judged(path: Path, labels: Array, name: str) -> Row:
    with np.load(path) as found:
        report = evaluate_labels({"it": found["chances"]}, labels, name=name, resamples=RESAMPLES)
        cost = {"fit_seconds": float(found["fit_seconds"]), "peak_mb": float(found["peak_mb"])}
    return {
        "metrics": {metric: report.value("it", metric) for metric in LABEL},
        "intervals": {m.metric: [m.low, m.high] for m in report.measures},
        **cost,
    }


def _together(by_seed: Sequence[Row]) -> list[Row]:
    """One row for each model: means over its seeds, and how sure they are, of the metrics that all fits have."""
    rows, shared = [], [metric for metric in LABEL if all(metric in row["metrics"] for row in by_seed)]
    for system, model in dict.fromkeys((row["system"], row["model"]) for row in by_seed):
        own = _of(by_seed, model, system)
        seeds = sorted(row["seed"] for row in own)
        figures = {metric: np.array([row["metrics"][metric] for row in own]) for metric in shared}
        rows.append(
            {
                **own[0],
                "metrics": {metric: float(values.mean()) for metric, values in figures.items()},
                "intervals": own[0]["intervals"] if len(own) == 1 else {m: interval(v) for m, v in figures.items()},
                "fit_seconds": float(np.mean([row["fit_seconds"] for row in own])),
                "peak_mb": max(row["peak_mb"] for row in own),
                "seed": str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}-{seeds[-1]}",
            }
        )
    return rows


def interval(values: Array) -> list[float]:
    """The 95% t-interval of the mean of `values` (n,), n > 1."""
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)
    return [float(values.mean()) - half, float(values.mean()) + half]


def paired(by_seed: Sequence[Row], against: str) -> list[Row]:
    """Each model's AUC minus that of the peer `against`, seed by seed; over more than one common seed."""
    base = {row["seed"]: row for row in _of(by_seed, against, None) if row["system"] != "regard"}
    rows = []
    for system, model in dict.fromkeys((row["system"], row["model"]) for row in by_seed):
        own = [row for row in _of(by_seed, model, system) if row["seed"] in base]
        apart = np.array([row["metrics"]["AUC"] - base[row["seed"]]["metrics"]["AUC"] for row in own])
        if (system == "regard" or model != against) and len(apart) > 1:
            low, high = interval(apart)
            found = {"difference": float(apart.mean()), "low": low, "high": high, "seeds": len(apart)}
            row = {"dataset": own[0]["dataset"], "metric": "AUC", "model": f"{system} {model}", "baseline": against}
            rows.append({**row, **found})
    return rows


def _of(rows: Sequence[Row], model: str, system: str | None) -> list[Row]:
    return [row for row in rows if row["model"] == model and system in (None, row["system"])]


def _sentence(row: Mapping[str, Any]) -> str:
    sure = f"[{row['low']:+.4f}, {row['high']:+.4f}], paired over {row['seeds']} seeds"
    return f"{row['dataset']}: {row['model']} - {row['baseline']}, AUC {row['difference']:+.4f} {sure}."


def _commands(
    which: tuple[str, str], benchmark: LabelBenchmark, data: Path, files: tuple[Path, Path]
) -> Iterator[tuple[str, str, Any]]:
    for model in benchmark.recipes():
        command = ours("fit_labels", *which, model, "{seed}", str(data), str(files[1]))
        yield "regard", model, lambda command=command: command
    for peer in benchmark.peers:
        yield peer.library, peer.model, lambda peer=peer: theirs(peer, "_labels", 1, files)
