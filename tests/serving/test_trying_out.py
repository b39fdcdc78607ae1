"""The guard over a real server: people come, a release on trial is worse and taken back, or as good and goes live."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pytest
from structlog.testing import capture_logs

from regard.data.impression_log import Impression, ImpressionLog, impression_id
from regard.data.store.server import Server
from regard.domain.records import Event
from regard.domain.run import Run
from regard.feedback.canary import VISIT
from regard.serving import jobs, releasing, watching
from regard.serving.installation import Installation
from regard.serving.settings import Settings, now
from tests.serving.serving import RECIPES, Client, client_of, install, settings_of

DAYS, PEOPLE = 3 * 86_400.0, 60
RULES = {"releases": {"approval": "automatic", "enough": 300, "guard": {"alarms": 0.008}}}


class Clock:
    """What the server takes for the time."""

    def __init__(self) -> None:
        self.at = (now() - DAYS) // VISIT * VISIT + 1.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def home(fitted: Settings, server: Server, tmp_path: Path, tenant: str) -> Iterator[tuple[Settings, str, Clock]]:
    """A tenant with a live release and one that is tried on half of the visits, a key, and its clock."""
    settings = replace(settings_of(tmp_path, server.url, tenant), recipes=RECIPES | RULES)
    key, clock = install(settings, like=fitted)["write"], Clock()
    with Installation.open(settings) as here, pytest.MonkeyPatch.context() as patch:
        for module in ("lists", "releasing", "api.events"):
            patch.setattr(f"regard.serving.{module}.now", clock)
        here.promotions.settle(clock.at)
        releasing.make(here, here.dataset(), Run(seed=1))
        releasing.promote(here, "0002", "ann", 0.5)
        yield settings, key, clock
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA "{tenant}" CASCADE'.encode())


def _visits(client: Client, clock: Clock, rounds: int, likes: dict[str, float], seed: int) -> int:
    """Everybody comes once in each of `rounds` pieces of time and clicks by chance `likes[release]`; canary lists."""
    rng, tried = np.random.default_rng(seed), 0
    for _ in range(rounds):
        clock.at += VISIT
        events = []
        for user in range(PEOPLE):
            found = client.list_for(f"u{user}", k=3)
            tried += found["variant"] == "canary"
            if rng.random() < likes[found["release"]]:
                first = {"user": f"u{user}", "item": found["items"][0]["id"], "type": "click", "time": clock.at + 5}
                events.append({**first, "slate": found["recommendation_id"], "position": 0})
        if events:
            assert client.post("/v1/events", json=events).status_code == 202
    return tried


def test_scores_and_lists_that_narrow_are_alarms(home: tuple[Settings, str, Clock]) -> None:
    """Lists written as the server logs them: a first week as usual, then a week of ten items with low scores."""
    settings, _, _ = home
    with Installation.open(settings) as here:
        live, rng, week = here.promotions.live(), np.random.default_rng(0), 7 * 86_400.0
        assert live is not None
        for number, (items, level) in enumerate(((40, 2.0), (10, 0.5))):
            ImpressionLog(here.store).write([
                Impression(
                    impression_id(at, int(rng.integers(1 << 60))), at, 0, live.name, "home",
                    tuple(rng.choice(items, 5, replace=False).tolist()), (1.0,) * 5,
                    json.dumps({"scores": (level + rng.random(5)).tolist()}),
                )
                for at in live.since + week * number + np.sort(rng.random(200)) * week
            ])  # fmt: skip
        found = {one.name: one.verdict for one in watching.drift(here, live.since + 2 * week)}
        expected = {"scores", "popularity concentration", "top share", "homogenisation"}
        assert {name for name, verdict in found.items() if verdict == "fails"} == expected


def test_scores_that_no_longer_mean_what_they_did_are_an_alarm(home: tuple[Settings, str, Clock]) -> None:
    """The same lists in both weeks; what stood high was liked at first, and what stood low is liked now."""
    settings, _, _ = home
    with Installation.open(settings) as here:
        live, rng, week = here.promotions.live(), np.random.default_rng(0), 7 * 86_400.0
        assert live is not None
        for number, wanted in enumerate(([0.6, 0.3, 0.0], [0.3, 0.3, 0.3])):
            moments = live.since + week * number + np.sort(rng.random(200)) * (week - VISIT)
            served = [_list(at, live.name, rng) for at in moments]
            ImpressionLog(here.store).write(served)
            here.store.append([
                Event("u0", here.live.catalogue.id(one.items[place]), "click", time=one.at + 5, slate=one.id.hex)
                for one in served for place in range(3) if rng.random() < wanted[place]
            ])  # fmt: skip
            found = {one.name: one for one in watching.drift(here, live.since + week * (number + 1))}
            assert ("calibration" in found) == (number == 1)
        assert found["calibration"].verdict == "fails"
        assert found["calibration"].value == pytest.approx(0.2, abs=0.05)  # (.3 + 0 + .3) / 3 of the chances are wrong
        assert found["homogenisation"].verdict == "holds"
        with pytest.MonkeyPatch.context() as patch, capture_logs() as logged:
            patch.setattr("regard.serving.watching.now", lambda: live.since + 2 * week)
            assert "calibration" in jobs.look(here)
        (told,) = [one for one in logged if one["event"] == "drift"]
        assert told["calibration"][0] == found["calibration"].value


def _list(at: float, release: str, rng: np.random.Generator) -> Impression:
    """Three items of forty with scores of their places."""
    body = {"scores": [2.0, 1.5, 1.0], "parts": [{"score": part} for part in (1.0, 0.5, 0.0)]}
    items = tuple(rng.choice(40, 3, replace=False).tolist())
    name = impression_id(at, int(rng.integers(1 << 60)))
    return Impression(name, at, 0, release, "home", items, (1.0,) * 3, json.dumps(body))


def test_a_worse_release_is_taken_back(home: tuple[Settings, str, Clock]) -> None:
    settings, key, clock = home
    with Installation.open(settings) as here, client_of(settings) as client:
        tried = _visits(client.bearing(key), clock, 8, {"0001": 0.6, "0002": 0.2}, seed=1)
        assert tried <= 2_000
        assert watching.guard(here, clock.at + VISIT)[0] == "taken back"
        told = releasing.shown(here, "0002")
        assert told["state"] == "retired"
        assert told["steps"][-1]["who"] == "the guard"
        assert told["steps"][-1]["why"].startswith("liked: loss +0.")
        assert here.promotions.live().name == "0001"  # type: ignore[union-attr]
        assert watching.guard(here, clock.at + VISIT) == ("nothing", [])


def test_one_that_is_as_good_goes_live_by_itself(home: tuple[Settings, str, Clock]) -> None:
    settings, key, clock = home
    with Installation.open(settings) as here, client_of(settings) as client:
        _visits(client.bearing(key), clock, 4, {"0001": 0.4, "0002": 0.4}, seed=2)
        done, found = watching.guard(here, clock.at)
        assert done == "nothing"  # too early to say
        assert {one.figure for one in found} == {"liked", "unspoilt"}
        _visits(client, clock, 8, {"0001": 0.4, "0002": 0.4}, seed=3)
        done, found = watching.guard(here, clock.at + 2 * VISIT)
        assert min(one.exposed for one in found) >= 300
        assert done == "live"
        assert here.promotions.live().name == "0002"  # type: ignore[union-attr]
        assert releasing.shown(here, "0002")["approver"] == "automatic (regard.toml)"
        told = watching.by_release(here, clock.at + 2 * VISIT)
        assert set(told) == {"0001", "0002"}
        assert sum(one["lists"] for one in told.values()) == 12 * PEOPLE
        assert all(0.25 < one["liked"] < 0.55 for one in told.values())
