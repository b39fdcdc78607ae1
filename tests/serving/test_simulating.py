import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from regard.domain.arrays import Mask, Rows
from regard.domain.errors import InvalidInput
from regard.measurement.comings import Comings
from regard.measurement.population import TownItems
from regard.measurement.simulator import TownRecipe
from regard.recommending.exploration import Exploration
from regard.serving.recipes import decode, decode_policy
from regard.serving.simulating import OPENS, Loop, Running, Simulation, run

TOWN = TownRecipe(people=60)
SMALL = Simulation(TOWN, TownItems.invented(80), rounds=4, visitors=25, k=5, events=900)


def pairs(users: Rows, items: Rows, chosen: Mask) -> tuple[list[int], list[int]]:
    """The people and items of the chosen slots."""
    person, slot = np.nonzero(chosen)
    return users[person].tolist(), items[person, slot].tolist()


def test_a_round_asks_the_corridor_and_teaches_it() -> None:
    running = Running(SMALL, Loop("default"))
    first = running.round(1)
    lists = first.shown.items
    assert lists.shape == (25, 5)
    assert all(len(set(row)) == 5 for row in lists.tolist())
    assert running.picture.taught.sums[0].sum() == pytest.approx(25 * (1 + 1 / 4 + 1 / 9 + 1 / 16 + 1 / 25))
    assert running.picture.taught.sums[2].sum() > 0
    clicked = {
        (int(u), int(i)) for u, row, hit in zip(first.shown.users, lists, first.clicked, strict=True) for i in row[hit]
    }
    again = running.round(2)
    shown = {(int(u), int(i)) for u, row in zip(again.shown.users, again.shown.items, strict=True) for i in row}
    assert clicked
    assert not clicked & shown  # what was consumed is not proposed again: the log has reached the corridor


def test_one_seed_is_one_loop_and_everybody_meets_the_same_visitors() -> None:
    greedy = Loop("greedy", Exploration(kind="none"))
    assert run(SMALL, greedy) == run(SMALL, greedy)
    people = [Running(SMALL, loop).round(1).shown.users for loop in (greedy, Loop("default"))]
    assert (people[0] == people[1]).all()


def test_without_retraining_the_models_stay() -> None:
    kept, anew = Running(SMALL, Loop("a", retrained=False)), Running(SMALL, Loop("b"))
    for running in (kept, anew):
        running.round(1)
    models = [running._corridor for running in (kept, anew)]
    for running in (kept, anew):
        running.round(2)
    assert kept._corridor is models[0]
    assert anew._corridor is not models[1]


def test_an_amplifier_concentrates_and_the_watch_hears_the_lists() -> None:
    heard: list[tuple[int, int]] = []

    def watch(before: np.ndarray, now: np.ndarray) -> list[str]:
        heard.append((len(before), len(now)))
        return ["rang"]

    greedy = Exploration(kind="none")
    calm = run(SMALL, Loop("calm", greedy))
    loud = run(SMALL, Loop("loud", greedy, amplifier=5.0, planted=3), watch)
    assert calm[:2] == loud[:2]
    assert all(amplified.concentration > one.concentration for one, amplified in zip(calm[2:], loud[2:], strict=True))
    assert heard == [(75, 25)]  # three rounds of reference, then the fourth
    assert [one.alarms for one in loud] == [(), (), (), ("rang",)]


def test_newcomers_are_shown_when_they_have_come() -> None:
    comings = Comings(newcomers=0.3, opens=OPENS, over=3.0)
    simulation = Simulation(TownRecipe(people=60, comings=comings), SMALL.items, 4, 25, 5, events=900)
    running = Running(simulation, Loop("default", Exploration(clicks=0.1, slots=0.3)))
    for number in range(1, 5):
        lists = running.round(number).shown.items
        assert running.town.presence.on_offer(running._at)[lists].all()
    figures = run(simulation, Loop("default", Exploration(clicks=0.1, slots=0.3)))
    assert figures[-1].newcomers > 0


def test_the_policy_of_regard_toml() -> None:
    table = {"policy": {"kind": "upper_bound", "clicks": 0.02}}
    assert decode_policy(table) == Exploration(kind="upper_bound", clicks=0.02)
    assert decode_policy({}) == Exploration()
    assert decode(table) == {}
    for wrong in ({"kind": "luck"}, {"slots": 3.0}, {"slot": 0.1}):
        with pytest.raises(InvalidInput, match=r"policy|Budget"):
            decode_policy({"policy": wrong})


def test_the_command_writes_what_it_says(tmp_path: Path) -> None:
    asked = ["simulate", "--json", "--rounds", "4", "--people", "40", "--items", "60", "--visitors", "12", "--out"]
    command = [sys.executable, "-c", "from regard.serving.cli import main; main()", *asked, str(tmp_path / "out")]
    done = subprocess.run([*command, "--folder", str(tmp_path)], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert [one["loop"] for one in said["verdicts"]][:2] == ["greedy", "default"]
    assert said["verdicts"][0]["clicks"] == 1.0
    assert {len(rounds) for rounds in said["rounds"].values()} == {4}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["loop.json", "loop.md", "loop.png"]
    assert json.loads((tmp_path / "out" / "loop.json").read_text())["rounds"] == said["rounds"]
