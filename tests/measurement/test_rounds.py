from dataclasses import replace

import numpy as np
import pytest

from regard.measurement.rounds import FIGURES, Round, list_figures, plain, rounds_figure, verdict

ONE = Round(1, clicks=2.0, satisfaction=1.0, variety=0.8, coverage=0.5, concentration=0.6, newcomers=0.1)


def loop(**last: float) -> list[Round]:
    """Six rounds: three like ONE, three with other figures."""
    return [replace(ONE, number=n) for n in (1, 2, 3)] + [replace(ONE, number=n, **last) for n in (4, 5, 6)]  # type: ignore[arg-type]


def test_a_verdict_compares_the_ends_and_greedy() -> None:
    greedy, other = loop(), loop(clicks=1.0, variety=0.6, coverage=0.4, satisfaction=0.5)
    other[4] = replace(other[4], alarms=("top share",))
    found = verdict("other", other, greedy)
    assert found.clicks == pytest.approx((2.0 + 1.0) / 2 / 2.0)
    assert found.satisfaction == pytest.approx(0.75)
    assert found.variety_lost == pytest.approx(0.25)  # .8 to .6
    assert found.coverage_lost == pytest.approx(10.0)  # .5 to .4, in points
    assert found.alarms == (5,)
    assert verdict("greedy", greedy, greedy).clicks == 1.0


def test_figures_by_hand() -> None:
    topics = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], np.float32)
    lists = np.array([[0, 1], [0, 2], [0, -1]])
    on_offer = np.array([True, True, True, True, False])
    late = np.array([False, True, False, False, False])
    found = list_figures(lists, topics, on_offer, late)
    assert found["variety"] == pytest.approx(0.5)  # 0 and 1; a list of one has none
    assert found["coverage"] == pytest.approx(3 / 4)  # items 0, 1, 2 of the four on offer
    assert found["newcomers"] == pytest.approx(1 / 5)
    # exposures 0, 1, 1, 3: G = (-3*0 - 1*1 + 1*1 + 3*3) / (4 * 5)
    assert found["concentration"] == pytest.approx(9 / 20)


def test_drawn_and_plain() -> None:
    pytest.importorskip("matplotlib")
    loops = {"greedy": loop(), "other": [replace(one, alarms=("gini",)) for one in loop()]}
    figure = rounds_figure(loops, planted=3)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [name.capitalize() for name in FIGURES]
    nobody_new = {"greedy": [replace(one, newcomers=0.0) for one in loop()]}
    assert "Newcomers" not in [axes.get_title(loc="left") for axes in rounds_figure(nobody_new).axes]
    assert plain(loops)["other"][0]["alarms"] == ("gini",)
