"""The ranker beside sources and blend: lists, calibrated chances, milliseconds: `python -m benchmarks.ranker DATA`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from benchmarks.protocols.b1 import COLUMNS
from benchmarks.protocols.b7 import films
from benchmarks.results import publish
from regard.domain.dataset import Dataset
from regard.domain.weights import DEFAULT_WEIGHTS
from regard.measurement.evaluate import evaluate
from regard.measurement.metrics.predictions import auc, expected_calibration_error, log_loss
from regard.measurement.plots import reliability_figure
from regard.measurement.splits import Split, by_time, given, leave_last_out
from regard.measurement.truth import Protocol
from regard.models.biased_mf import BiasedMF
from regard.models.blend import Blend
from regard.models.popular import Popularity
from regard.models.ranker import FittedRanker, Ranker
from regard.serving.recipes import default_recipes

K = 10
Cut = Literal["newest", "random"]
Rows = list[str]


def lists(split: Split, cut: Cut) -> tuple[FittedRanker, Rows]:
    """N@K and R@K of each default source, of their blend and of the ranker over them, and what the fits cost."""
    sources = tuple(default_recipes(split.train).items())
    blend, ranker = Blend(sources, cut=cut), Ranker(sources, cut=cut)
    seconds, fitted = {}, dict[str, Any]()
    for name, recipe in (("blend", blend), ("ranker", ranker)):
        start = time.perf_counter()
        fitted[name] = recipe.fit(split.train)
        seconds[name] = time.perf_counter() - start
    models = {**fitted["blend"].sources, **fitted}
    report = evaluate(models, split, K, metrics=("N", "R"), protocol=Protocol(slices=False, baseline="blend"))
    rows = [f"| {split.name} | N@{K} | R@{K} | N@{K} - blend | fit, s |", "|---|---|---|---|---|"]
    apart = {c.model: c for c in report.comparisons if c.metric == f"N@{K}"}
    for name in models:
        against = [f"{c.difference:+.4f} ({c.low:+.4f} to {c.high:+.4f})" for c in (apart.get(name),) if c]
        own = [f"{report.value(name, f'{metric}@{K}'):.4f}" for metric in ("N", "R")]
        told = [*own, *(against or [""]), f"{seconds[name]:.0f}" if name in seconds else ""]
        rows.append(f"| {name} | {' | '.join(told)} |")
    return fitted["ranker"], [*rows, ""]


def likes(data: Dataset, plot: Path | None) -> Rows:
    """The chance of four stars or more at each of the newest tenth of all ratings, by what came before it."""
    split = by_time(data, validation=0.0)
    labels = (split.test.events.weight > 0).astype(np.float64)
    sources = (("rating", BiasedMF()), ("popular", Popularity()))
    rankers = {
        "without sources": Ranker((), examples="events"),
        "over BiasedMF and popularity": Ranker(sources, examples="events", share=0.3),
    }
    known = split.data
    chances = {name: one.fit(split.train).chances(split.test, known) for name, one in rankers.items()}
    chances["share in train"] = np.full(len(labels), float((split.train.events.weight > 0).mean()))
    if plot is not None:
        reliability_figure(labels, {name: chances[name] for name in rankers}).savefig(plot, dpi=110)
    rows = [f"| {split.name}: {len(labels):,} ratings | AUC | log-loss | ECE |", "|---|---|---|---|"]
    for name, own in chances.items():
        told = (auc(labels, own), log_loss(labels, own), expected_calibration_error(labels, own))
        rows.append(f"| {name} | " + " | ".join(f"{figure:.4f}" for figure in told) + " |")
    return [*rows, ""]


def milliseconds(ranker: FittedRanker, split: Split, repeats: int = 200) -> Rows:
    """What 500 candidates of one request cost on one thread, in CPU time, median and fastest."""
    query, rows = split.known.query(5), np.arange(500)
    said = ranker.panel.hear([query], [rows])
    examples = ranker.examples(query, rows)
    parts: Mapping[str, Callable[[], Any]] = {
        "what the sources say (full scores, by the models themselves)": lambda: ranker.panel.hear([query], [rows]),
        "facts: fields, moment, counts": lambda: ranker.facts.of_requests([query], [rows]).with_columns(
            ranker.panel.names, said
        ),
        "the ranker: crosses, trees, curve, weights": lambda: ranker.foresight.judged(examples),
    }
    rows_ = ["| 500 candidates, one thread | median, CPU ms | fastest, CPU ms |", "|---|---|---|"]
    for name, part in parts.items():
        took = []
        for _ in range(repeats):
            start = time.process_time()
            part()
            took.append(1e3 * (time.process_time() - start))
        rows_.append(f"| {name} | {np.median(took):.2f} | {min(took):.2f} |")
    return [*rows_, ""]


def main(folder: str, out: str | None = None) -> None:
    """MovieLens-100K: the official ua split, the last liked film of each person, and likes in the order of time."""
    home = Path(folder) / "movielens-100k"
    data = films(home)
    ua = given(data, pl.read_csv(home / "ua.test", separator="\t", has_header=False, new_columns=COLUMNS), name="ua")
    rated = data.weighted(DEFAULT_WEIGHTS)  # four stars are a like
    ranker, of_ua = lists(ua, "random")
    _, of_last = lists(leave_last_out(rated), "newest")
    lines = [
        "# The ranker: lists, chances, milliseconds",
        "",
        "`python -m benchmarks.ranker DATA`: MovieLens-100K; lists over all films, ties against us, 95% bootstrap "
        "intervals over people, paired; ua with all ratings positive, the last film where four stars count.",
        "",
        *of_ua,
        *of_last,
        *likes(rated, Path(out).with_suffix(".png") if out else None),
        *milliseconds(ranker, ua),
    ]
    publish(lines, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
