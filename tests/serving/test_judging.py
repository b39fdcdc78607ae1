"""The gate asks the log: lists of a real server, replayed by the corridor of a release that nobody has seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from regard.domain.dataset import Dataset
from regard.domain.decisions import Condition
from regard.domain.run import Run
from regard.feedback.log_judge import NAME
from regard.models.blend import Blend
from regard.models.popular import Popularity
from regard.serving import judging, releasing
from regard.serving.installation import Installation
from regard.serving.retraining import Retraining
from regard.serving.settings import Settings, now
from regard.serving.tuned import Model
from tests.serving.serving import RECIPES, client_of, install_key

POLICY = {"kind": "epsilon", "slots": 0.5, "clicks": 0.5, "epsilon": 0.5}
PEOPLE, TIMES, AFTER = 40, 3, 3_600.0


@pytest.fixture
def heard(own: Settings, request: pytest.FixtureRequest) -> Iterator[tuple[Settings, float]]:
    """A tenant that has served 120 lists, of which each first item was liked; and when it began."""
    settings, key, began = replace(own, recipes=RECIPES | request.param), install_key(own), now() - 1.0
    with client_of(settings) as client:
        client.bearing(key)
        for user in [f"u{n}" for n in range(PEOPLE)] * TIMES:
            one = client.list_for(user, k=2)
            like = {"user": user, "item": one["items"][0]["id"], "type": "like", "slate": one["recommendation_id"]}
            assert client.post("/v1/events", json=like).status_code == 202
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("regard.serving.judging.now", lambda: now() + AFTER)
        yield settings, began


@pytest.mark.parametrize("heard", [{"policy": POLICY}], indirect=True)
def test_each_chance_of_the_log_is_computed_again(heard: tuple[Settings, float]) -> None:
    settings, began = heard
    with Installation.open(settings) as here:
        data = here.releases.data(here.releases.get("0001"))
        line = judging.by_log(here, here.model("0001"), data, began)
        assert line.verdict == "holds"
        assert line.value == pytest.approx(0.0, abs=1e-9)
        assert line.words.startswith("a list brought 1.0000, it would bring +0.0000")
        late = judging.by_log(here, here.model("0001"), data, now())
        assert (late.verdict, late.words) == ("abstains", "no answer: 0 lists since its data ended")


@pytest.mark.parametrize("heard", [{}], indirect=True)
def test_a_greedy_log_has_no_answer_about_other_lists_and_a_table_says_so(heard: tuple[Settings, float]) -> None:
    settings, began = heard
    with Installation.open(settings) as here:
        data = here.dataset()
        other = Blend((("popular", Popularity()),)).fit(data, run=Run())
        line = judging.by_log(here, other, data, began)
        assert line.verdict == "abstains"
        assert "of what it would show was ever tried" in line.words
        said = Retraining(here, settings.folder / "job", True, lambda stage, share: None).run()
        line = next(one for one in releasing.shown(here, "0002")["gate"] if one["name"] == NAME)
        assert said.startswith("release 0002")
        assert line["verdict"] in ("holds", "fails", "abstains")
        heard_from: list[float] = []

        def mine(model: Model, data: Dataset, since: float) -> Condition:
            heard_from.append(since)
            return Condition("a judge of mine", None, 0.0)

        assert here.promotions.row(here.fit(data, Run(), judge=mine).name).state == "refused"
        assert "a judge of mine" in releasing.listing(here)[0]["refusal"]
        assert heard_from[0] < data.at
