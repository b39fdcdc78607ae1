import numpy as np
import polars as pl
import pytest

from regard import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY
from regard.measurement.mechanisms import Mechanisms
from regard.measurement.organic import awareness, visiting_times
from regard.measurement.population import TownItems
from regard.measurement.simulator import Town, TownRecipe

START, END = 20_000 * DAY, 20_100 * DAY


@pytest.fixture(scope="module")
def place() -> Town:
    return TownRecipe(people=200, mechanisms=Mechanisms(novelty=100.0)).build(TownItems.invented(600))


@pytest.fixture(scope="module")
def log(place: Town) -> pl.DataFrame:
    return place.visit(6_000, START, END)


def test_a_history_is_as_long_as_asked_in_order_and_in_time(log: pl.DataFrame) -> None:
    assert log.height == 6_000
    assert log["time"].is_sorted()
    assert log["time"].is_between(START, END).all()
    assert set(log["type"]) == {"view", "like", "rating"}
    assert log.filter(type="rating")["value"].is_between(1, 5).all()


def test_everybody_comes_some_far_more_often(log: pl.DataFrame) -> None:
    counts = log["user"].value_counts()["count"]
    assert len(counts) == 200
    assert int(counts.min()) >= 5  # type: ignore[arg-type]
    assert int(counts.max()) > 4 * float(counts.median())  # type: ignore[arg-type]


def test_nobody_consumes_twice_where_novelty_is_all(log: pl.DataFrame) -> None:
    assert not log.select("user", "item").is_duplicated().any()


def test_well_known_items_are_met_more_often(place: Town, log: pl.DataFrame) -> None:
    counts = log.group_by("item").len().sort("len", descending=True)["len"]
    assert counts.head(60).sum() > 0.25 * 6_000  # a tenth of the items
    famous = set(place.items.ids[:60])  # invented items stand in order of prominence
    assert log["item"].is_in(famous).sum() > 0.2 * 6_000


def test_people_take_what_they_like_far_above_chance(place: Town, log: pl.DataFrame) -> None:
    values = place.truth.taste @ place.truth.items.T + place.truth.quality
    people, items = (dict(zip(ids, range(len(ids)), strict=True)) for ids in (place.people, place.items.ids))
    taken = [values[people[u], items[i]] for u, i in log.select("user", "item").iter_rows()]
    assert np.mean(taken) > values.mean() + values.std()


def test_a_history_is_a_dataset(place: Town, log: pl.DataFrame) -> None:
    data = Dataset.from_frame(log)
    assert (len(data.users), len(data.events)) == (200, 6_000)
    assert data.matrix().nnz > 2_000


def test_awareness_is_a_distribution_that_follows_prominence() -> None:
    chances = awareness(-np.arange(1000.0), np.random.default_rng(0))
    assert abs(chances.sum() - 1) < 1e-12
    assert chances[:100].sum() > 3 * chances[-100:].sum()


def test_visits_are_numbered_within_each_person_as_time_goes() -> None:
    user, time, nth = visiting_times(np.array([0.7, 0.3]), 20, (START, END), np.random.default_rng(0))
    assert np.bincount(user).tolist() == [12, 8]  # 5 each, and of the 10 others 7 and 3
    for person in (0, 1):
        own = user == person
        assert nth[own].tolist() == list(range(own.sum()))
        assert (np.diff(time[own]) >= 0).all()
    assert (np.diff(nth) >= 0).all()


@pytest.mark.parametrize(("n", "between"), [(0, (START, END)), (5, (END, START))])
def test_no_events_or_no_time_is_refused(n: int, between: tuple[float, float]) -> None:
    with pytest.raises(InvalidInput, match=r"Town\.visit"):
        visiting_times(np.array([1.0]), n, between, np.random.default_rng(0))
