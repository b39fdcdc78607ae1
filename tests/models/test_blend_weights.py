"""What a blend learns on a cut: no slice falls short of its best source, whoever is good at what."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.domain.errors import InvalidInput
from regard.domain.run import Run
from regard.models import blend_weights
from regard.models.blend import item_slices
from regard.models.blend_weights import TOLERANCE, Cut, Learned, learn
from regard.models.cutting import Asked, parted
from regard.models.segments import SEGMENTS
from tests.models.planted import Seer, town

SEEDS = range(8)


def _qualities(rng: np.random.Generator) -> tuple[float, float, float, bool]:
    return rng.uniform(0, 2.5), rng.uniform(0, 2.5), rng.uniform(0, 2), bool(rng.random() < 0.5)


def planted(seed: int, people: int = 200) -> Learned:
    """Weights for one to four sources of random quality for light and heavy people, for strangers and for the tail."""
    rng, data = np.random.default_rng(seed), town(seed, people)
    recipes = [Seer(data, *_qualities(rng), seed=10 * seed + place) for place in range(int(rng.integers(1, 5)))]
    rest, held = parted(data, 0.2, "random", Run(seed=seed))
    asked = Asked.of(rest, held, people, rng)
    cut = Cut.of([recipe.fit(rest) for recipe in recipes], asked, 100, item_slices(rest))
    return learn(cut, rng, 10)


@pytest.mark.parametrize("seed", SEEDS)
def test_on_no_slice_is_it_worse_than_the_best_source(seed: int) -> None:
    learned = planted(seed)
    assert {"cold", "light", "heavy", "warm", "head", "long tail"} <= set(learned.worth)
    assert max(learned.shortfall().values()) <= TOLERANCE
    for name, worth in learned.worth.items():
        assert worth[-1] >= (1 - TOLERANCE) * worth[:-1].max(), name


def test_without_mending_the_long_tail_would_fall_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blend_weights, "ROUNDS", 0)
    assert planted(SEEDS[0]).shortfall()["long tail"] > 2 * TOLERANCE


@settings(max_examples=10, deadline=None)
@given(st.integers(100, 10_000), st.sampled_from([8, 30, 90]))
def test_no_segment_of_people_suffers_however_few_they_are(seed: int, people: int) -> None:
    learned = planted(seed, people)
    short = learned.shortfall()
    assert all(short.get(name, 0.0) <= TOLERANCE for name in (*SEGMENTS, "warm"))
    assert np.allclose(learned.weights.sum(axis=1), 1)
    assert (learned.weights >= 0).all()


def test_it_is_kept_as_it_is() -> None:
    learned = planted(1, 60)
    again = Learned.from_arrays(learned.arrays())
    assert np.array_equal(again.amounts, learned.amounts)
    assert again.shortfall() == learned.shortfall()
    with pytest.raises(InvalidInput, match="by segment"):
        Learned.from_arrays({"weights": np.ones(2) / 2})
