"""The table [long_run]: what it says, what is refused, a learner that is not installed, until when lists tune."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from regard.domain.decisions import Condition
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.run import Run
from regard.models.blend import FittedBlend
from regard.models.long_term import SlateQ
from regard.serving import trying, tuning
from regard.serving.installation import Installation
from regard.serving.recipes import LongRun, decode_long_run
from regard.serving.settings import Settings
from regard.serving.tuned import Model
from tests.serving.serving import RECIPES
from tests.serving.test_tuning import PEOPLE, retrained


def test_the_table_of_regard_toml() -> None:
    assert decode_long_run({}) is None
    page = Path(__file__).parents[2] / "docs" / "how-to" / "explore.md"
    (example,) = re.findall(r"```toml\n(\[long_run\].*?)```", page.read_text("utf-8"), re.DOTALL)
    assert decode_long_run(tomllib.loads(example)) == LongRun(SlateQ())
    table = {"kind": "slate_q", "half_lives": [2], "choosing": {"own": 50.0}, "lists": 900}
    found = decode_long_run({"long_run": table})
    assert found == LongRun(SlateQ(half_lives=(2.0,), choosing=replace(SlateQ().choosing, own=50.0)), lists=900)
    for wrong, said in (
        ({}, r"\[long_run\] kind"),
        ({"kind": "SlateQ"}, "one of slate_q, policy_gradient"),
        ({"kind": "slate_q", "cap": 3.0}, r"\[long_run\] cap"),
        ({"kind": "slate_q", "discount": 1.0}, "discount"),
        ({"kind": "slate_q", "choosing": {"mine": 1}}, "choosing mine"),
        ({"kind": "slate_q", "choosing": 1}, "choosing"),
        ({"kind": "policy_gradient", "least": 0}, r"\[long_run\] least"),
        ({"kind": "policy_gradient", "lists": 10}, r"\[long_run\] lists"),
        ({"kind": "policy_gradient", "lists": "many"}, r"\[long_run\] lists"),
        (3, r"\[long_run\]: expected a table"),
        ("slate_q", r"\[long_run\]: expected a table"),
    ):
        with pytest.raises(InvalidInput, match=said):
            decode_long_run({"long_run": wrong})


def test_a_learner_that_is_not_installed_is_named_before_anything_is_fitted(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regard.serving.tuning.can_learn", lambda: False)
    with Installation.open(replace(own, recipes=RECIPES | {"long_run": {"kind": "policy_gradient"}})) as here:
        with pytest.raises(Unavailable, match=r"regard\[deep\]"):
            retrained(here)
        assert here.releases.names() == ["0001"]


def test_where_each_persons_last_events_judge_no_list_from_after_the_first_of_them_tunes(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regard.serving.trying.WITH_A_PAST", PEOPLE + 1)
    asked: list[float | None] = []

    def tune(blend: FittedBlend, run: Run, until: float | None) -> tuple[Model, Condition]:
        asked.append(until)
        return blend, tuning.line(LongRun(SlateQ()), None, "")

    with Installation.open(own) as here:
        data, live = here.dataset(), here.releases.live()
        assert live is not None
        serving = (live.name, live.moment, here.scorer(live.name))
        trying.trial(data, here.recipes(data), serving, Run(), tune)
        split = trying.judged(data)
    assert asked == [split.test.events.time.min()]
    assert split.test.events.time.min() < split.train.at
