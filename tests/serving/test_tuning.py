"""From served lists to a tuned release: a planted world, what is left out and why, stages, replay, off by default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from regard.domain.errors import InvalidInput
from regard.domain.run import Run
from regard.domain.weights import EventWeight
from regard.feedback.canary import VISIT
from regard.feedback.log_judge import NAME as BY_LOG
from regard.models.ease import FittedEASE
from regard.models.long_term import SlateQ
from regard.serving import hearing, lists, releasing, tuning
from regard.serving.hearing import ABSENT, FILTERED, GIVEN, GONE, OPEN, OTHERS, PAGED, heard
from regard.serving.installation import Installation
from regard.serving.replaying import replay
from regard.serving.retraining import Retraining
from regard.serving.served import Served
from regard.serving.settings import Settings, now
from regard.serving.tuned import base_of
from regard.serving.wiring import Live
from tests.serving.serving import RECIPES, client_of, ids, install_key
from tests.serving.test_releasing import LAX

PEOPLE, ROUNDS, ITEMS, AGAIN = 60, 5, 40, 21
POLICY = {"kind": "epsilon", "slots": 0.5, "clicks": 0.5, "epsilon": 0.5}
SLATE_Q = {"kind": "slate_q", "least": 50, "topics": 4}
GRADIENT = {"kind": "policy_gradient", "least": 50, "topics": 4, "rate": 0.02, "epochs": 20, "own": 0.0001}
LIKED = [film for film in range(ITEMS) if film // 2 % 2 == 0]  # half of each genre: all that anybody clicks


class Clock:
    """What the server takes for the time."""

    def __init__(self) -> None:
        self.at = (now() - 86_400.0) // VISIT * VISIT + 1.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        for module in ("lists", "releasing", "hearing", "judging", "api.events"):
            patch.setattr(f"regard.serving.{module}.now", clock)
        patch.setattr("regard.serving.trying.WITH_A_PAST", 10)  # so few people are judged by time, too
        yield clock


@pytest.fixture
def home(own: Settings) -> Settings:
    """A tenant that explores, where clicks and nothing else tell what the lists brought: no source learns from them."""
    with Installation.open(own) as here:
        here.store.set_event_weights([EventWeight("like", 1.0), EventWeight("save", 1.0), EventWeight("click", 0.0)])
    return replace(own, recipes=RECIPES | LAX | {"policy": POLICY})


def visits(home: Settings, clock: Clock, rounds: int = ROUNDS) -> str:
    """Everybody comes once in each piece of time, clicks what is liked on a list, and saves any film of their genre.

    The key with which they came.
    """
    rng, key = np.random.default_rng(0), install_key(home)
    with client_of(home) as client:
        client.bearing(key)
        for _ in range(rounds):
            clock.at += 2 * VISIT
            for user in range(PEOPLE):
                clock.at += 10
                found = client.logged_list_for(f"u{user}", k=4)
                saved = f"f{2 * rng.integers(20) + user % 2}"
                events: list[dict[str, Any]] = [
                    {"user": f"u{user}", "item": saved, "type": "save", "time": clock.at + 6}
                ]
                for place, name in enumerate(ids(found)):
                    if int(name[1:]) in LIKED:
                        clicked = {"user": f"u{user}", "item": name, "type": "click", "time": clock.at + 5}
                        events.append({**clicked, "slate": found["recommendation_id"], "position": place})
                assert client.post("/v1/events", json=events).status_code == 202
    clock.at += 2 * VISIT
    return key


def retrained(here: Installation, name: str = "job") -> str:
    return Retraining(here, here.settings.folder / name, True, lambda stage, share: None).run()


def told_of(here: Installation, release: str) -> dict[str, Any]:
    """The line of the gate about what tuned a release."""
    return next(one for one in releasing.shown(here, release)["gate"] if one["name"] == tuning.NAME)


def above(live: Live, scorer: Any) -> float:
    """How often a liked candidate stands above one that is not, over what everybody is offered."""
    wins = []
    for row in range(PEOPLE):
        found = live.recommender.candidates(live.data.query(row, 10, at=2e9))
        score, liked = scorer.score(live.data.query(row, 10, at=2e9), found).mean, np.isin(found.rows, LIKED)
        wins.append((score[liked][:, None] > score[~liked][None]).mean())
    return float(np.mean(wins))


@pytest.mark.parametrize(
    "long_run", [SLATE_Q, pytest.param(GRADIENT, marks=pytest.mark.deep)], ids=["slate_q", "policy_gradient"]
)
def test_a_tuned_release_ranks_what_brings_clicks_above_what_its_blend_liked(
    home: Settings, clock: Clock, long_run: dict[str, Any]
) -> None:
    key = visits(home, clock)
    with Installation.open(replace(home, recipes={**home.recipes, "long_run": long_run})) as here:
        assert retrained(here) == "release 0002 waits for approval"
        line, told = told_of(here, "0002"), releasing.shown(here, "0002")
        assert (line["verdict"], line["value"]) == ("holds", PEOPLE * ROUNDS)
        assert line["words"].startswith(f"tuned by {told['figures']['tuned_by']['kind']}; ")
        assert line["words"].endswith("left out: none")
        assert any(one["name"] == BY_LOG for one in told["gate"])  # judged by later lists than tuned what was tried
        assert releasing.difference(here, "0001", "0002")["recipes"]["tuned_by"]["discount"][0] is None
        live = here.load("0002")
        scorer = live.recommender.scorer
        assert above(live, base_of(scorer)) < 0.6
        assert above(live, scorer) > 0.7
        releasing.promote(here, "0002", "ann")
        assert set(here.releases.get("0002").checksums) >= {"tuned/manifest.json", "model/manifest.json"}
    _served_and_replayed(home, clock, key)
    with Installation.open(replace(home, recipes={**home.recipes, "long_run": long_run})) as here:
        assert retrained(here).startswith("release 0003")  # beside a live one that is tuned, too
        assert told_of(here, "0003")["value"] == PEOPLE * ROUNDS + AGAIN


def _served_and_replayed(home: Settings, clock: Clock, key: str) -> None:
    """Lists of the tuned release come again bit for bit by who has just come, also where a source was left out."""
    with client_of(home) as client, pytest.MonkeyPatch.context() as patch:
        client.bearing(key)
        answers = [client.logged_list_for(f"u{n}", k=4) for n in range(AGAIN - 1)]
        patch.setattr(FittedEASE, "scores", _broken)
        answers.append(client.logged_list_for("u1", k=4))
        assert answers[-1]["left_out"] == ["ease"]
    assert {one["release"] for one in answers} == {"0002"}
    with Installation.open(home) as here:
        served = Served.at_rest(here)
        found = [served.impressions.get(one["recommendation_id"]) for one in answers]
        assert {replay(served, one).verdict for one in found} == {"same"}
        clock.at += 2 * VISIT
        again = heard(here, 1_000, ITEMS).lists  # what a tuned release has served tunes the next one, by its blend
        assert len(again) == PEOPLE * ROUNDS + AGAIN
        live = here.load("0002")
        query = lists.asked(served, live, found[0])
        first = next(n for n, one in enumerate(again.queries) if one.at == query.at and one.user == query.user)
        rows = again.candidates[first][again.candidates[first] >= 0]
        found_again = live.recommender.candidates(query)
        place = {row: n for n, row in enumerate(found_again.rows.tolist())}
        blend = base_of(live.recommender.scorer).score(query, found_again).mean
        assert again.said[first][: len(rows)] == pytest.approx([blend[place[row]] for row in rows.tolist()])


def _broken(*_: Any) -> Any:
    raise RuntimeError("broken")


def test_too_few_lists_tune_nothing_and_the_release_says_so(home: Settings, clock: Clock) -> None:
    visits(home, clock, 1)
    with Installation.open(replace(home, recipes={**home.recipes, "long_run": {"kind": "slate_q"}})) as here:
        assert retrained(here) == "release 0002 waits for approval"
        line = told_of(here, "0002")
        assert (line["verdict"], line["value"], line["bound"]) == ("abstains", None, 500)
        assert line["words"] == "not tuned: 0 lists, asked: 500 from before the events that judge it; left out: none"
        assert here.releases.tuned(here.releases.get("0002")) is None
        assert "tuned_by" not in releasing.shown(here, "0002")["figures"]


def test_without_the_table_nothing_changes(home: Settings, clock: Clock) -> None:
    visits(home, clock, 1)
    with Installation.open(home) as here, pytest.MonkeyPatch.context() as patch:
        patch.setattr(hearing, "heard", _broken)
        retrained(here)
        assert {path.name for path in (here.releases.folder / "0002").iterdir()} == {"model", "data", "release.json"}
        assert tuning.NAME not in [one["name"] for one in releasing.shown(here, "0002")["gate"]]
        assert here.scorer("0002").name == "blend"


def test_a_release_that_no_trial_could_judge_is_not_tuned(home: Settings, clock: Clock) -> None:
    visits(home, clock, 1)
    with Installation.open(replace(home, recipes={**home.recipes, "long_run": SLATE_Q})) as here:
        data, about = here.dataset(), Run()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SlateQ, "fit", _broken)
            patch.setattr("regard.serving.trying.trial", lambda *_: (None, None, None))
            retrained(here)
            releasing.make(here, data, about, tune=tuning.tune_of(here, data))
        for name in ("0002", "0003"):
            line = told_of(here, name)
            assert (line["verdict"], line["value"], line["words"]) == ("abstains", None, tuning.UNJUDGED)
            assert here.releases.tuned(here.releases.get(name)) is None


@pytest.mark.deep
def test_a_log_that_never_explored_tunes_no_policy(own: Settings, clock: Clock) -> None:
    visits(own, clock, 2)
    recipes = {**own.recipes, **LAX, "long_run": GRADIENT}
    with Installation.open(replace(own, recipes=recipes)) as here:
        here.fit(here.dataset(), Run(), tune=tuning.tune_of(here, here.dataset()))  # `regard fit` tunes, too
        assert told_of(here, "0002")["words"].startswith("not tuned: 0 lists that the policy has drawn, asked: 50")


def test_a_job_that_was_stopped_after_tuning_does_not_tune_again(home: Settings, clock: Clock) -> None:
    visits(home, clock, 2)  # PEOPLE lists after the cut: the newest of all would be none before it

    def stop(stage: str, share: float) -> None:
        if stage == "release":
            raise KeyboardInterrupt

    long_run = {**SLATE_Q, "lists": PEOPLE}
    with Installation.open(replace(home, recipes={**home.recipes, "long_run": long_run})) as here:
        folder = here.settings.folder / "job"
        with pytest.raises(KeyboardInterrupt):
            Retraining(here, folder, True, stop).run()
        assert here.releases.names() == ["0001"]
        assert (folder / "trial" / "tuned").is_dir()  # by the lists of the first round, judged by those of the second
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SlateQ, "fit", _broken)
            assert retrained(here) == "release 0002 waits for approval"
        assert told_of(here, "0002")["value"] == PEOPLE
        assert here.releases.tuned(here.releases.get("0002")) is not None
        assert not folder.exists()


def test_lists_from_before_a_moment_are_heard_however_many_came_after(home: Settings, clock: Clock) -> None:
    visits(home, clock, 2)
    until = clock.at - 2 * VISIT - 10 * PEOPLE  # where the second round begins
    with Installation.open(home) as here:
        before, newest = heard(here, 20, ITEMS, until), heard(here, 20, ITEMS)
    assert len(before.lists) == len(newest.lists) == 20
    assert max(query.at for query in before.lists.queries) + VISIT < until
    assert min(query.at for query in newest.lists.queries) > until
    assert (before.lists.earned > 0).any()


def test_what_cannot_be_heard_is_left_out_and_counted(home: Settings, clock: Clock) -> None:
    key = install_key(home)
    with client_of(home) as client:
        client.bearing(key)
        deleted = client.list_for("u2", k=3)
        client.delete(f"/v1/items/{next(name for name in ids(deleted) if name not in ('f1', 'f2'))}")
        client.list_for("u1", k=3)  # has one candidate more as soon as this like is taken back
        liked = client.get("/api/user/u1/feedback/like").json()[0]["ItemId"]
        assert client.delete(f"/api/feedback/like/u1/{liked}").status_code == 200
        given = client.post("/personalize-ranking", json={"userId": "u5", "inputList": ["f1", "f2"]})
        assert given.status_code == 200, given.text
        kept = client.list_for("u4", k=2)
        assert ids(client.list_for("u7", k=3, filter={"creator": "Director 1"}))
        assert ids(client.list_for("u7", k=3, seed_item="f1"))
        clock.at += 2 * VISIT
        client.list_for("u6", k=2)  # its visit is not over
    with Installation.open(home) as here:
        _another(here, kept, 1, release="0009")
        _another(here, kept, 2, items=(0, 1))  # met long ago: no candidates
        found = heard(here, 100, ITEMS)
        assert found.left_out == {OPEN: 1, GIVEN: 1, FILTERED: 1, PAGED: 1, GONE: 1, ABSENT: 1, OTHERS: 1}
        assert [query.at for query in found.lists.queries] == [clock.at - 2 * VISIT]
        names = [[here.live.catalogue.id(row) for row in own if row >= 0] for own in found.lists.rows.tolist()]
        assert names == [ids(kept)]
        assert heard(here, 100, 1).left_out[ABSENT] == 2  # where a release knows the first item alone
        assert len(heard(here, 1, ITEMS).lists) + sum(heard(here, 1, ITEMS).left_out.values()) == 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("regard.serving.past.must_be_kept", _damaged)
            assert heard(here, 100, ITEMS).left_out[GONE] == 4


def _damaged(*_: Any) -> Any:
    raise InvalidInput("model", "files as they were written", "others")


def _another(here: Installation, like: dict[str, Any], number: int, **changed: Any) -> None:
    """One more line of the log, but for `changed` like that of a served list."""
    served = Served.at_rest(here)
    found = served.impressions.get(like["recommendation_id"])
    if "items" in changed:
        changed["items"] = tuple(here.store.events_of(found.user_row).rows[:2].tolist())
    name = type(found.id)(int=found.id.int ^ number)
    served.impressions.write([replace(found, id=name, body=orjson.dumps(found.body), **changed)])
