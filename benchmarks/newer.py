"""Films newer than the release: what lists make of them before the next fit: `python -m benchmarks.newer DATA`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.cold import cold_mask
from benchmarks.protocols.b7 import ENOUGH, SHARE, films
from benchmarks.results import publish
from regard.data.catalogue import Catalogue
from regard.domain.arrays import Mask
from regard.domain.dataset import Dataset
from regard.domain.index import Index
from regard.domain.protocols import Estimator, Retriever
from regard.domain.run import Run
from regard.measurement.evaluate import evaluate
from regard.measurement.splits import TEST, TRAIN, Split, cold_items
from regard.measurement.truth import Protocol
from regard.models.blend import Blend, FittedBlend
from regard.models.content_regression import ContentRegression
from regard.recommending.ranked import Ranked
from regard.serving import wiring
from regard.serving.recipes import default_recipes
from regard.serving.sources import AtWork, BlendAtWork

K = 20
SEEDS = range(3)
WAYS = (
    "newer than the release, scored 0 (until now)",
    "newer than the release, scored by what they say",
    "known at the fit",
)


def newest_last(data: Dataset, last: Mask) -> Dataset:
    """The same data, the items of `last` (I,) in the last rows, as if they had come last."""
    order = np.argsort(last, kind="stable")
    place = np.argsort(order).astype(np.int32)
    return replace(
        data,
        items=Index("item", [data.items[row] for row in order]),
        events=replace(data.events, item=place[data.events.item]),
        item_attributes=data.item_attributes.take(order),
        vectors={name: held[order] for name, held in data.vectors.items()},
    )


def before(data: Dataset, n: int) -> Dataset:
    """The same data when it had its first `n` items only; no event is of another."""
    vectors = {name: held[:n] for name, held in data.vectors.items()}
    return replace(
        data, items=Index("item", data.items.ids[:n]), item_attributes=data.item_attributes.slice(0, n), vectors=vectors
    )


def served(model: FittedBlend, today: Dataset, reads: bool) -> Retriever:
    """The corridor of a server over today's items; what is newer is read or not."""
    catalogue = Catalogue.of(today)
    live = wiring.corridor(model, catalogue, "use")
    if not reads:
        sources = {name: AtWork.of(source, name, np.inf) for name, source in model.sources.items()}
        live = replace(live, retrievers={**live.retrievers, **sources}, scorer=BlendAtWork(model, sources))
    return Ranked(live)


def ways(sources: Mapping[str, Estimator[object]], split: Split, seed: int) -> dict[str, Retriever]:
    """Three ways to meet the cold films of `split`."""
    warm = len(split.data.items) - int(cold_mask(split).sum())
    recipe, run = Blend(tuple(sources.items())), Run(seed=seed)
    old, whole = recipe.fit(before(split.train, warm), run=run), recipe.fit(split.train, run=run)
    lists = (served(old, split.train, False), served(old, split.train, True), served(whole, split.train, True))
    return dict(zip(WAYS, lists, strict=True))


def table(name: str, folder: Path, sources: Mapping[str, Estimator[object]]) -> list[str]:
    """R and N at K of the cold films, among all films and among themselves; mean of the draws."""
    found: dict[str, list[list[float]]] = {}
    for seed in SEEDS:
        cold = cold_items(films(folder), share=SHARE, at_least=ENOUGH, seed=seed)
        data = newest_last(cold.data, cold_mask(cold))
        late = np.arange(len(data.items)) >= len(data.items) - int(cold_mask(cold).sum())
        split = Split(data, np.where(late[data.events.item], TEST, TRAIN).astype(np.int8), cold.name)
        models = ways(sources, split, seed)
        reports = [
            evaluate(models, split, K, metrics=["R", "N"], protocol=Protocol(among=among, slices=False))
            for among in (None, late)
        ]
        for way in WAYS:
            figures = [report.value(way, f"{metric}@{K}") for report in reports for metric in ("R", "N")]
            found.setdefault(way, []).append(figures)
    rows = [f"| {way} | " + " | ".join(f"{x:.4f}" for x in np.mean(found[way], axis=0)) + " |" for way in WAYS]
    head = f"| {name} | among all: R@{K} | N@{K} | among the new: R@{K} | N@{K} |"
    return ["", head, "|---|---|---|---|---|", *rows]


def main(folder: str, out: str | None = None) -> None:
    """MovieLens-100K, the cold films of B7, by the default sources and with content regression beside them."""
    home = Path(folder) / "movielens-100k"
    plain = default_recipes(films(home))
    lines = [
        "# Items newer than the release",
        "",
        f"`python -m benchmarks.newer DATA`: MovieLens-100K, all ratings positive; {SHARE:.0%} of the films with "
        f"{ENOUGH} or more ratings came after the fit (mean of {len(SEEDS)} draws); their ratings judge lists of {K}, "
        "over all other films that a person has not met or over the new ones; ties count against the model. A list is "
        "what the whole corridor of a server makes of it.",
        *table("default sources", home, plain),
        *table("with content regression", home, {**plain, "taste": ContentRegression()}),
        "",
    ]
    publish(lines, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
