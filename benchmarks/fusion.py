"""Fusion: every source and their blend on unseen events, slice by slice: `python -m benchmarks.fusion DATA [OUT]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.protocols.b7 import films
from benchmarks.results import publish
from regard.domain.arrays import Scores
from regard.measurement.bootstrap import Resampling, interval
from regard.measurement.splits import Split, leave_last_out, random_per_person
from regard.models.blend import Blend, FittedBlend, item_slices
from regard.models.blend_weights import Cut
from regard.models.cutting import Asked
from regard.serving.recipes import default_recipes

SEEDS = range(3)
K = 10


def gains(model: FittedBlend, split: Split) -> dict[str, Scores]:
    """By slice nDCG@K of each person on the test events, of each source and, last, of the blend; (S + 1, Q)."""
    everybody = len(split.train.users)
    asked = Asked.of(split.train, split.test, everybody, np.random.default_rng(0))
    models = [*model.sources.values(), model]
    slices = Cut.of(models, asked, 10 * K, item_slices(split.train)).slices()
    return {name: np.array([one.pool.gains(alone, K) for alone in np.eye(len(models))]) for name, one in slices.items()}


def rows(model: FittedBlend, split: Split) -> Iterator[str]:
    """Markdown: each slice with means and 95% intervals, and the blend against the slice's best source, paired."""
    yield f"| {split.name} | people | {' | '.join([*model.sources, 'blend'])} | blend - best source |"
    yield "|---" * (len(model.sources) + 4) + "|"
    for name, told in gains(model, split).items():
        best = told[int(np.argmax(told[:-1].mean(axis=1)))]
        drawn = Resampling().means(np.column_stack([*told, told[-1] - best]))
        low, high = interval(drawn)
        mean = [*told.mean(axis=1), (told[-1] - best).mean()]
        cells = [f"{m:.4f} ({a:.4f} to {b:.4f})" for m, a, b in zip(mean, low, high, strict=True)]
        share = 100 * mean[-1] / best.mean() if best.any() else 0.0
        yield f"| {name} | {told.shape[1]} | {' | '.join(cells)}, {share:+.1f}% |"
    yield ""
    for source, own in model.weights.items():
        yield f"- {source}: " + ", ".join(f"{segment} {weight:.3f}" for segment, weight in own.items())
    yield ""


def main(folder: str, out: str | None = None) -> None:
    """MovieLens-100K, split at random (three seeds) and by each person's last three; the sources of `regard fit`."""
    data = films(Path(folder) / "movielens-100k")
    splits: list[tuple[Split, Blend]] = []
    sources = tuple(default_recipes(data).items())
    splits += [(random_per_person(data, seed=seed), Blend(sources, cut="random")) for seed in SEEDS]
    splits += [(leave_last_out(data, test=3), Blend(sources))]
    lines = [
        "# Fusion: sources and blend on unseen events, by slice",
        "",
        f"`python -m benchmarks.fusion DATA`: MovieLens-100K, all ratings positive, nDCG@{K} with 95% bootstrap "
        "intervals over people, ties against us; weights learned on a cut of train. Cold: the same people as if "
        "unknown. Items of head, long tail and without events are ranked among themselves. Last column: paired.",
        "",
    ]
    for split, recipe in splits:
        lines += rows(recipe.fit(split.train), split)
    publish(lines, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
