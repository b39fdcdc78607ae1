"""The town's people and items: factors from genres, creators and chance; tastes shared in communities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows, check_shape
from regard.domain.errors import InvalidInput
from regard.measurement.mechanisms import DAY_PARTS, DEVICES, WEEKDAYS, Floats


@dataclass(frozen=True, slots=True, eq=False)
class TownItems:
    """I items as anybody can see them: `topics` (I, g) rows sum to 1, `creators` (I,) codes (-1: nobody known),
    `prominence` (I,) how well known they are, higher is better known (only the order counts)."""

    ids: tuple[str, ...]
    topics: Floats
    creators: Rows
    prominence: NDArray[np.float64]

    def __post_init__(self) -> None:
        if not self.ids:
            raise InvalidInput("TownItems.ids", "at least one item", "none")
        check_shape("TownItems.topics", self.topics, (len(self.ids), None))
        check_shape("TownItems.creators", self.creators, (len(self.ids),))
        check_shape("TownItems.prominence", self.prominence, (len(self.ids),))

    @staticmethod
    def of(
        ids: Sequence[str],
        tags: Sequence[Sequence[str]],
        creators: Sequence[str | None] | None = None,
        prominence: Sequence[float] | None = None,
    ) -> TownItems:
        """A real catalogue: tags are topics; without `prominence`, the first items are the best known ones."""
        names = {name: code for code, name in enumerate(sorted({tag for own in tags for tag in own}))}
        topics = np.zeros((len(ids), max(len(names), 1)), np.float32)
        for row, own in enumerate(tags):
            topics[row, [names[tag] for tag in own] or slice(None)] = 1.0  # without a tag: a bit of everything
        known = {name: code for code, name in enumerate(sorted({name for name in creators or () if name}))}
        codes = np.array([known.get(name or "", -1) for name in creators or [None] * len(ids)], np.int64)
        fame = -np.arange(len(ids), dtype=np.float64) if prominence is None else np.asarray(prominence, np.float64)
        return TownItems(tuple(ids), topics / topics.sum(1, keepdims=True), codes, fame)

    @staticmethod
    def invented(n: int, topics: int = 12, seed: int = 0) -> TownItems:
        """n made-up items with one to three topics each and a creator for about five items."""
        rng = np.random.default_rng(seed)
        many = rng.integers(1, min(3, topics) + 1, n)
        tags = [[f"t{t:02d}" for t in rng.choice(topics, m, replace=False)] for m in many]
        creators = [f"c{c}" for c in rng.integers(0, max(1, n // 5), n)]
        return TownItems.of([f"item-{row:05d}" for row in range(n)], tags, creators)


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """What nobody can see. Taste meets items as taste @ items.T, about standard normal over pairs.

    items (I, d), quality (I,), taste (U, d), leniency (U,), activity (U,) shares that sum to 1, devices (U, 4) per day
    part; weekday (7, d), day_part (4, d), device (3, d) and mood (2, d) are shifts of taste.
    """

    items: Floats
    quality: Floats
    taste: Floats
    leniency: Floats
    activity: NDArray[np.float64]
    devices: Rows
    weekday: Floats
    day_part: Floats
    device: Floats
    mood: Floats


def settle(
    items: TownItems, people: int, width: int, communities: int, content: float, rng: np.random.Generator
) -> Population:
    """Draw a population. `content` in [0, 1]: the share of an item's factors that its topics and creator explain."""

    def normal(*shape: int) -> Floats:
        return rng.standard_normal(shape, np.float32)

    factors = _item_factors(items, width, content, rng)
    taste: Floats = normal(communities, width)[rng.integers(0, communities, people)] + np.float32(0.8) * normal(
        people, width
    )
    activity = np.exp(rng.normal(0.0, 0.9, people))
    scale = np.float32(1 / np.sqrt(width))
    return Population(
        items=factors,
        quality=0.5 * normal(len(items.ids)),
        taste=taste * scale / np.sqrt(np.float32(1.64)),
        leniency=0.4 * normal(people),
        activity=activity / activity.sum(),
        devices=rng.integers(0, len(DEVICES), (people, DAY_PARTS)),
        weekday=normal(WEEKDAYS, width) * scale / np.sqrt(np.float32(3)),
        day_part=normal(DAY_PARTS, width) * scale / np.sqrt(np.float32(3)),
        device=normal(len(DEVICES), width) * scale / np.sqrt(np.float32(3)),
        mood=normal(2, width) * scale / np.sqrt(np.float32(2)),
    )


def _item_factors(items: TownItems, width: int, content: float, rng: np.random.Generator) -> Floats:
    """(I, d), standardised by column: topics and creators by `content`, the rest is the item's own."""
    creators = rng.standard_normal((int(items.creators.max(initial=-1)) + 2, width))  # the last row: nobody known
    topics = items.topics @ rng.standard_normal((items.topics.shape[1], width))
    seen = _standard(_standard(topics) + 0.6 * _standard(creators[items.creators]))
    own = rng.standard_normal((len(items.ids), width))
    return _standard(np.sqrt(content) * seen + np.sqrt(1 - content) * own).astype(np.float32)


def _standard(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
