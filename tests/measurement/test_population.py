import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.measurement.population import Population, TownItems, settle

ITEMS = TownItems.invented(400, topics=6)


def population(content: float) -> Population:
    return settle(ITEMS, people=300, width=8, communities=4, content=content, rng=np.random.default_rng(0))


def test_a_real_catalogue_is_read_as_topics_and_creators() -> None:
    items = TownItems.of(["a", "b", "c"], [["x", "y"], ["y"], []], ["ann", None, "ann"])
    assert items.topics.tolist() == [[0.5, 0.5], [0.0, 1.0], [0.5, 0.5]]  # without a tag: a bit of everything
    assert items.creators.tolist() == [0, -1, 0]
    assert np.argmax(items.prominence) == 0


def test_items_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one item"):
        TownItems.of([], [])
    with pytest.raises(InvalidInput, match="prominence"):
        TownItems.of(["a", "b"], [["x"], ["x"]], prominence=[1.0])


def explained(found: Population) -> float:
    """The share of the items' factors that a linear model of topics and creators explains."""
    creators = np.eye(ITEMS.creators.max() + 1)[ITEMS.creators]
    visible = np.hstack([ITEMS.topics, creators])
    fit, *_ = np.linalg.lstsq(visible, found.items, rcond=None)
    return float(1 - np.var(found.items - visible @ fit) / np.var(found.items))


def test_content_says_as_much_of_the_factors_as_asked() -> None:
    assert explained(population(1.0)) > 0.999
    assert explained(population(0.0)) < 0.4  # 80 creators and 6 topics fit a fifth of pure chance
    assert explained(population(0.0)) < explained(population(0.6)) < explained(population(1.0))


def test_people_of_one_community_are_alike() -> None:
    taste = population(0.5).taste
    unit = taste / np.linalg.norm(taste, axis=1, keepdims=True)
    alike = np.sort((unit @ unit.T)[np.triu_indices(300, 1)])
    assert np.mean(alike > 0.3) > 0.2  # four communities: a quarter of the pairs share one
    assert abs(np.median(alike)) < 0.4
