"""Blend: to each segment of people the sources that are right for them; linear, exactly explained."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from regard.data.artifacts import load, save
from regard.domain.arrays import Mask
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.request import Query
from regard.domain.run import Run
from regard.measurement.evaluate import evaluate
from regard.measurement.splits import random_per_person
from regard.models import blend
from regard.models.blend import Blend, FittedBlend
from regard.models.blend_weights import TOLERANCE, Cut
from regard.models.cutting import Asked, held_out
from regard.models.ease import EASE, FittedEASE
from regard.models.popular import FittedPopularity, Popularity
from regard.models.scoring import FullScores
from regard.models.segments import SEGMENTS
from tests.models.planted import ITEMS, Seen, Seer, town

READERS = {"ease": FittedEASE.from_artifact, "popular": FittedPopularity.from_artifact}
RECIPE = Blend((("taste", EASE(l2=5.0)), ("popular", Popularity())), share=0.2, cut="random")


def _town(seed: int = 0, users: int = 60, items: int = 30) -> Dataset:
    """Two tastes; within each the first items are met more often."""
    rng = np.random.default_rng(seed)
    chance = 0.6 / (1 + np.arange(items) / 10)
    met = [
        (u, i)
        for u in range(users)
        for i in range(items)
        if rng.random() < chance[i] * (1.0 if u % 2 == i % 2 else 0.3)
    ]
    frame = {"user": [f"u{u}" for u, _ in met], "item": [f"i{i}" for _, i in met], "time": np.arange(len(met)) * 1.0}
    return Dataset.from_frame(pl.DataFrame(frame))


def test_it_tells_what_it_learned() -> None:
    told: dict[str, dict[str, float]] = {}
    model = RECIPE.fit(_town(), run=Run(tracker=lambda step, figures: told.update({step: dict(figures)})))
    for segment in SEGMENTS:
        assert told[f"Blend.weights {segment}"] == {name: own[segment] for name, own in model.weights.items()}
    assert set(told["Blend.nDCG@10 warm"]) == {"taste", "popular", "blend"}
    assert max(model.learned.shortfall().values()) <= TOLERANCE


@pytest.mark.parametrize("user", ["u3", "nobody"])
def test_the_score_is_the_weighted_sum_and_so_are_its_reasons(user: str) -> None:
    data = _town()
    model = RECIPE.fit(data)
    query = data.query(user) if user in data.users else Query(at=0.0)
    amounts = model.amounts([query])[0]
    parts = [amount * one.scores([query])[0] for amount, one in zip(amounts, model.sources.values(), strict=True)]
    scores = model.scores([query])[0]
    assert np.allclose(scores, np.sum(parts, axis=0), atol=1e-5)
    for row in range(0, model.n_items, 5):
        why = model.contributions(query, row)
        assert abs(why.total - scores[row]) < 1e-5
        assert abs(sum(one.total for one in model.by_source(query, row).values()) - why.total) < 1e-9
        assert len(np.unique(why.rows)) == len(why.rows)


def test_each_kind_of_people_gets_the_source_that_is_right_for_them() -> None:
    """One source knows the light people, one the heavy ones, one speaks to strangers; judged on unseen events."""
    data = town(7, people=600)
    split = random_per_person(data, 0.2)
    recipe = Blend(
        (
            ("for the light", Seer(data, 2.0, 0.2, seed=1)),
            ("for the heavy", Seer(data, 0.2, 2.0, seed=2)),
            ("for strangers", Seer(data, 0.0, 0.0, stranger=True, seed=3)),
        ),
        cut="random",
    )
    model = recipe.fit(split.train)
    weights = model.weights
    assert weights["for the light"]["light"] > 0.6
    assert weights["for the heavy"]["heavy"] > 0.6
    assert weights["for strangers"]["cold"] > 0.6
    report = evaluate({**model.sources, "blend": model}, split, 10, metrics=["N"])
    found = {(one.model, one.slice): one.value for one in report.measures}
    best = {part: max(found[name, part] for name in model.sources) for part in ("all", "light", "heavy")}
    assert found["blend", "all"] > 1.1 * best["all"]
    assert found["blend", "light"] >= (1 - TOLERANCE) * best["light"]
    assert found["blend", "heavy"] >= (1 - TOLERANCE) * best["heavy"]
    stranger = Query(at=0.0)
    strangers = model.sources["for strangers"].retrieve(stranger, 5).rows
    assert model.retrieve(stranger, 5).rows.tolist() == strangers.tolist()


def test_where_items_are_many_fewer_people_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    data, asked, of = town(0, people=60), [], Cut.of

    def counted(sources: Sequence[FullScores], people: Asked, depth: int, items: Mapping[str, Mask]) -> Cut:
        asked.append(len(people))
        return of(sources, people, depth, items)

    monkeypatch.setattr(Cut, "of", counted)
    monkeypatch.setattr(blend, "FEWEST", 10)
    for scored in (10**8, 20 * ITEMS, ITEMS):
        monkeypatch.setattr(blend, "SCORED", scored)
        Blend((("one", Seer(data, 1.0, 1.0)),), people=40).fit(data)
    assert asked == [40, 20, 10]


def test_dear_sources_start_where_they_stood() -> None:
    data = town(0, people=40)
    dear, cheap = Seer(data, 1.0, 1.0), Seer(data, 1.0, 1.0, seed=1)
    recipe = Blend((("dear", dear), ("cheap", cheap)), continued=("dear",))
    first = recipe.fit(data)
    assert isinstance(dear.heard[1], Seen)
    assert cheap.heard == [None, None]
    again = recipe.fit(data, run=Run(warm_start=first))  # keeps the weights: one fit of each source
    assert again.learned is first.learned
    assert dear.heard[2] is first.sources["dear"]
    assert len(cheap.heard) == 3


@dataclass(frozen=True)
class Counted:
    """Popularity that notes at each fit how many of its earlier fits are still held."""

    fits: list[weakref.ref[FittedPopularity]] = field(default_factory=list)
    held: list[int] = field(default_factory=list)

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedPopularity:  # noqa: B008
        self.held.append(sum(fit() is not None for fit in self.fits))
        found = Popularity().fit(data, run=run)
        self.fits.append(weakref.ref(found))
        return found


def test_first_fits_make_room_for_the_last_ones() -> None:
    left, kept = Counted(), Counted()
    Blend((("left", left), ("kept", kept)), continued=("kept",)).fit(_town())
    assert (left.held, kept.held) == ([0, 0], [0, 1])


def test_the_sources_are_fitted_again_on_everything() -> None:
    data = _town()
    assert np.array_equal(RECIPE.fit(data).sources["taste"].weights, EASE(l2=5.0).fit(data).weights)


def test_given_validation_data_decide() -> None:
    data = _town()
    held = held_out(data, 0.2, np.random.default_rng(5))
    train, validation = data.where(~held), data.where(held)
    one = RECIPE.fit(train, run=Run(validation=validation))
    assert np.array_equal(one.sources["taste"].weights, EASE(l2=5.0).fit(train).weights)
    with pytest.raises(InvalidInput, match="same people"):
        RECIPE.fit(data, run=Run(validation=_town(users=5)))


def test_same_seed_same_blend_and_the_artifact_too(tmp_path: Path) -> None:
    data = _town()
    model = RECIPE.fit(data, run=Run(seed=4))
    again = RECIPE.fit(data, run=Run(seed=4))
    assert model.weights == again.weights
    save(model.artifact(), tmp_path / "m")
    read = FittedBlend.from_artifact(load(tmp_path / "m"), READERS)
    assert read.recipe == model.recipe
    with pytest.raises(NotFound, match="popular"):
        FittedBlend.from_artifact(load(tmp_path / "m"), {"ease": FittedEASE.from_artifact})
    assert np.array_equal(read.scores([data.query("u1"), Query(at=0)]), model.scores([data.query("u1"), Query(at=0)]))


def test_nobody_to_learn_from_means_all_alike() -> None:
    data = Dataset.from_frame(pl.DataFrame({"user": ["u", "v"], "item": ["a", "b"]}))
    assert (RECIPE.fit(data).learned.weights == 0.5).all()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"sources": ()}, "sources"),
        ({"share": 1.0}, "share"),
        ({"cut": "old"}, "newest"),
        ({"at": 0}, "at"),
        ({"people": 0}, "people"),
        ({"continued": ("nobody",)}, "continued"),
    ],
)
def test_bounds(bad: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Blend(**{"sources": RECIPE.sources, **bad})  # type: ignore[arg-type]


def test_a_stranger_gets_an_order_from_the_source_that_knows_no_history() -> None:
    data = _town()
    model = Blend((("taste", EASE(l2=5.0)), ("popular", Popularity())), cut="random").fit(data)
    assert (model.learned.weights > 0).all()
    proposed = model.retrieve(Query(at=0.0), 5)
    assert proposed.rows.tolist() == model.sources["popular"].retrieve(Query(at=0.0), 5).rows.tolist()
