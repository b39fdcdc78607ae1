from __future__ import annotations

import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.domain.events import Events, sorted_events
from regard.models.actions import Action, ActionWeights, actions_of


def log(weights: list[float]) -> Events:
    """A view, a rating of 5, a dislike, a rating of 1."""
    return sorted_events(
        n_users=1,
        user=np.zeros(4, np.int64),
        item=np.arange(4),
        time=np.arange(4.0),
        types=("view", "rating", "dislike"),
        type=np.array([0, 1, 2, 1], np.int16),
        value=np.array([1.0, 5, 1, 1], np.float32),
        weight=np.array(weights, np.float32),
    )


EVENTS = log([0.1, 1.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Action("positive"), [1, 1, 0, 0]),
        (Action("view"), [1, 0, 0, 0]),
        (Action("rating"), [0, 1, 0, 0]),
        (Action("dislike"), [0, 0, 1, 0]),  # never of positive weight: to be there is enough
        (Action("rating value", 1.0, 5.0), [np.nan, 1, np.nan, 0]),
        (Action("rating value", 0.0, 10.0), [np.nan, 0.5, np.nan, 0.1]),
        (Action("wave"), [0, 0, 0, 0]),
    ],
)
def test_labels(action: Action, expected: list[float]) -> None:
    np.testing.assert_allclose(action.labels(EVENTS), expected, rtol=1e-6)


def test_actions_are_found_in_the_data() -> None:
    assert [a.name for a in actions_of(EVENTS, (), (), False)] == ["view", "rating", "dislike"]
    assert [a.name for a in actions_of(EVENTS, (), (), True)] == ["positive"]
    assert [a.name for a in actions_of(log([1, 1, 1, 1]), (), (), True)] == ["view", "rating", "dislike"]
    assert actions_of(EVENTS, ("view",), ("rating", "wave"), False) == (Action("view"), Action("rating value", 1, 5))


def test_weights() -> None:
    weights = ActionWeights((("buy", 5.0), ("wave", -2.0)))
    assert [weights.of(name) for name in ("buy", "wave", "view", "dislike", "other")] == [5, -2, 0.1, -1, 1]
    with pytest.raises(InvalidInput, match="buy"):
        ActionWeights((("buy", float("nan")),))
