"""Steps: what pre-training, fine-tuning and fusion each add, on films: `python -m benchmarks.steps DATA [OUT]`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.protocols.b1 import COLUMNS
from benchmarks.results import publish
from regard.domain.arrays import Scores
from regard.domain.dataset import Dataset
from regard.domain.run import Run
from regard.measurement.bootstrap import Resampling, interval
from regard.measurement.evaluate import figures_of
from regard.measurement.splits import FOLD_IN, TEST, TRAIN, UNUSED, VALIDATION, Split
from regard.measurement.truth import Protocol
from regard.models.als import ImplicitALS
from regard.models.behaviour import Behaviour
from regard.models.blend import Blend, FittedBlend, item_slices
from regard.models.blend_weights import Cut, learn
from regard.models.cutting import Asked
from regard.models.ease import EASE
from regard.models.segments import Bounds

K = 10
SEEDS = range(2)
LIKED = "like"  # four stars or more; all other ratings are of type WATCHED
WATCHED = "watch"
NETWORK = Behaviour("gru", width=32, epochs=10, rate=8e-3)
CLASSIC = {"EASE": EASE(l2=300.0), "ALS": ImplicitALS()}
NETWORKS = {
    "likes alone teach": replace(NETWORK, actions=(LIKED,)),
    "every rating teaches": NETWORK,
    "pre-trained on every rating, fine-tuned on likes": replace(NETWORK, actions=(LIKED,), pretrain=8),
}
FUSED = "the same, fused with EASE and ALS"


def load(folder: Path) -> Split:
    """Each person's last liked film judges, the one liked before it is for validation (and known at request), and all
    that lies between. People with less than three likes only teach."""
    events = pl.read_csv(folder / "u.data", separator="\t", has_header=False, new_columns=COLUMNS)
    liked = pl.when(pl.col("rating") >= 4).then(pl.lit(LIKED)).otherwise(pl.lit(WATCHED))
    data = Dataset.from_frame(events.with_columns(type=liked).drop("rating"), weights=())
    e = data.events
    part = np.full(len(e), TRAIN, np.int8)
    for start, end in zip(e.offsets[:-1], e.offsets[1:], strict=True):
        likes = start + np.flatnonzero(e.are(LIKED)[start:end])
        if len(likes) > 2:
            part[likes[-2]], part[likes[-2] + 1 : likes[-1]] = VALIDATION, FOLD_IN
            part[likes[-1]], part[likes[-1] + 1 : end] = TEST, UNUSED
    return Split(data, part, "MovieLens-100K, the last film that each person liked")


def fitted(split: Split, seed: int) -> dict[str, Any]:
    """All models by the name of their step, the last of them fused by weights of the validation likes."""
    run = Run(seed=seed, validation=split.validation)
    recipes: dict[str, Any] = {**CLASSIC, **NETWORKS}
    found = {name: recipe.fit(split.train, run=run) for name, recipe in recipes.items()}
    last = list(NETWORKS)[-1]
    sources = {**{name: found[name] for name in CLASSIC}, "network": found[last]}
    return found | {FUSED: fused(sources, split, run)}


def fused(sources: Mapping[str, Any], split: Split, run: Run) -> FittedBlend:
    """As `Blend` learns its weights where validation data are given, over sources that are fitted already."""
    assert split.validation is not None
    recipe = Blend(tuple((name, source.recipe) for name, source in sources.items()), at=K)
    asked = Asked.of(split.train, split.validation, recipe.people, run.rng())
    learned = learn(Cut.of(list(sources.values()), asked, 10 * K, item_slices(split.train)), run.rng(), K)
    return FittedBlend(recipe, sources, Bounds.of_data(split.train), learned)


def gains(split: Split) -> dict[str, Scores]:
    """N@K and HR@K of each step for each person, means over SEEDS; (2, Q)."""
    requests = Split(split.data, np.where(split.part == VALIDATION, FOLD_IN, split.part).astype(np.int8), split.name)
    found: dict[str, list[Scores]] = {}
    for seed in SEEDS:
        figures, _ = figures_of(fitted(split, seed), requests, K, ("N", "HR"), Protocol(slices=False))
        for name, own in figures.items():
            values = [own.per_person["all", metric] for metric in ("N", "HR")]
            found.setdefault(name, []).append(np.array(values))
    return {name: np.mean(values, axis=0) for name, values in found.items()}


def rows(told: Mapping[str, Scores]) -> list[str]:
    """Markdown: each step, and what it adds to the one before."""
    lines = [f"| step | N@{K} | HR@{K} | N@{K} - the step before |", "|---|---|---|---|"]
    before = None
    for name, own in told.items():
        gain = own[0] - (own[0] if before is None else before)
        mean = [*own.mean(axis=1), gain.mean()]
        low, high = interval(Resampling().means(np.column_stack([*own, gain])))
        cells = [f"{m:.4f} ({a:.4f} to {b:.4f})" for m, a, b in zip(mean, low, high, strict=True)]
        share = f", {100 * gain.mean() / before.mean():+.1f}%" if before is not None else ""
        lines.append(f"| {name} | {cells[0]} | {cells[1]} | {cells[2] + share if before is not None else ''} |")
        before = None if name in CLASSIC else own[0]
    return lines


def main(folder: str, out: str | None = None) -> None:
    """MovieLens-100K, four stars or more are wanted."""
    split = load(Path(folder) / "movielens-100k")
    lines = [
        "# Steps: pre-train, fine-tune, fuse",
        "",
        f"`python -m benchmarks.steps DATA`: {split.name}, with all that lies before it known; every film ranked but "
        f"the person's own, lists of {K}, ties against us; {len(split.test.events)} people, means over {len(SEEDS)} "
        "seeds, 95% bootstrap intervals over people, the last column paired. One network (GRU, 32 numbers) learns from "
        "likes alone (which all other ratings precede as history), from every rating, or from every rating first (the "
        "next one, and hidden ones, 8 epochs) and then from likes; epochs are stopped by the like before the last, "
        "which also gives the weights of the fusion.",
        "",
        *rows(gains(split)),
        "",
    ]
    publish(lines, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
