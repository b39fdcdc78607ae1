"""Releases on the command line and on a server: refused, tried, live, taken back, and the lists are those of before."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from regard.data.translations import translator
from regard.domain.errors import Conflict, InvalidInput
from regard.domain.run import Run
from regard.serving import release_screens, releasing
from regard.serving.installation import Installation
from regard.serving.release_rules import ReleaseRules, release_rules
from regard.serving.settings import Settings
from tests.serving.serving import RECIPES, client_of, install_key
from tests.serving.test_cli import _run

WORSE = {"sources": {"popular": {"kind": "popularity"}}}
OTHER = (
    '[sources.ease]\nkind = "ease"\nl2 = 6.0\n[sources.popular]\nkind = "popularity"\n'
    "[releases.gate]\naccuracy = 9.0\nslices = 9.0\ndiversity = 9.0\nnovelty = 9.0\ncoverage = 9.0\ngini = 9.0\n"
    "calibration = 999.0\n"
)
LAX = {"releases": {"gate": dict.fromkeys(("accuracy", "slices", "diversity", "novelty", "coverage", "gini"), 9.0)}}
LAX["releases"]["gate"]["calibration"] = 999.0


def _lists(here: Installation) -> list[tuple[list[int], list[float]]]:
    """Everybody's ten best with their scores, asked at one moment."""
    data = here.releases.data(here.releases.get("0001"))
    queries = [data.query(row, 10, at=2e9) for row in range(len(data.users))]
    slates = [here.live.recommender.recommend(query, np.random.default_rng(0)) for query in queries]
    return [(slate.rows.tolist(), [slot.score for slot in slate.slots]) for slate in slates]


def test_the_first_release_is_live_and_its_table_is_kept(fitted: Settings) -> None:
    with Installation.open(fitted) as here:
        (line,) = releasing.listing(here)
        assert (line["name"], line["state"], line["approver"]) == ("0001", "live", "regard fit")
        told = releasing.shown(here, "0001")
        assert [(one["name"], one["verdict"]) for one in told["gate"]] == [("damaged files", "holds")]
        assert [step["state"] for step in told["steps"]] == ["candidate", "live"]
        assert max(told["figures"]["worth"].values()) > 0


def test_a_deliberately_worse_release_is_refused_with_the_reason(own: Settings) -> None:
    with Installation.open(replace(own, recipes=WORSE)) as here:
        release = here.fit(here.dataset(), Run())
        line = releasing.listing(here)[0]
        assert (release.name, line["state"]) == ("0002", "refused")
        assert "accuracy, everybody" in line["refusal"]
        assert here.releases.live().name == "0001"  # type: ignore[union-attr]
        with pytest.raises(Conflict, match="accuracy, everybody"):
            releasing.promote(here, "0002", "ann")
        trial = releasing.shown(here, "0002")["figures"]["trial"]
        assert trial["against"] == "0001"
        assert trial["versus"]["changes"][0]["after"] < trial["versus"]["changes"][0]["before"]


def test_forth_and_back_the_lists_are_the_same_bit_for_bit(own: Settings) -> None:
    with Installation.open(replace(own, recipes=WORSE | LAX)) as here:
        before = _lists(here)
        here.fit(here.dataset(), Run())
        assert here.releases.live().name == "0002"  # type: ignore[union-attr]
        assert _lists(here) != before
        assert releasing.roll_back(here, "bob", "complaints") == ("0002", "0001")
        assert _lists(here) == before
    with Installation.open(own) as elsewhere:
        assert _lists(elsewhere) == before


def test_the_commands(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGARD_DATABASE_URL", str(own.database_url))
    monkeypatch.setenv("REGARD_TENANT", own.tenant)
    folder = ("--folder", str(own.folder))
    toml = own.folder / "regard.toml"
    toml.write_text('[sources.popular]\nkind = "popularity"\n')
    refused = _run(monkeypatch, "fit", *folder, code=1)
    assert (refused["release"], refused["state"]) == ("0002", "refused")
    assert any(line["verdict"] == "fails" for line in refused["gate"])
    assert _run(monkeypatch, "releases", "promote", "0002", *folder, code=4)["error"]["where"] == "release 0002"
    toml.write_text(OTHER)
    assert _run(monkeypatch, "fit", *folder)["state"] == "live"
    listed = _run(monkeypatch, "releases", "list", *folder)["releases"]
    assert [(one["name"], one["state"]) for one in listed] == [
        ("0003", "live"),
        ("0002", "refused"),
        ("0001", "retired"),
    ]
    told = _run(monkeypatch, "releases", "diff", "0001", "0003", *folder)
    assert told["recipes"] == {"ease": {"l2": [5.0, 6.0]}}
    assert told["people"] == 60
    assert 0.5 < told["overlap"] <= 1.0
    back = _run(monkeypatch, "releases", "rollback", "--reason", "a test", "--who", "bob", *folder)
    assert back == {"taken_back": "0003", "live": "0001"}
    tried = _run(monkeypatch, "releases", "promote", "0003", "--share", "0.25", "--who", "ann", *folder)
    assert (tried["state"], tried["share"]) == ("canary", 0.25)
    shown = _run(monkeypatch, "releases", "show", "0003", *folder)
    assert [(s["state"], s["who"], s["emergency"]) for s in shown["steps"]] == [
        ("candidate", "regard", False),
        ("live", "regard fit", False),
        ("retired", "bob", True),
        ("canary", "ann", False),
    ]
    _readable(listed, shown, told, refused)


def _readable(listed: Any, shown: Any, told: Any, refused: Any) -> None:
    """Each screen, in each language."""
    for language in ("en", "zh"):
        for screen in (
            release_screens.listing(listed, translator(language)),
            release_screens.shown(shown, translator(language)),
            release_screens.difference(told, translator(language)),
            release_screens.fitted({**refused, "name": "0002"}, translator(language)),
        ):
            out = io.StringIO()
            Console(file=out, width=160).print(screen)
            assert "000" in out.getvalue()


def test_a_server_shows_both_while_one_is_tried_and_takes_it_back(own: Settings) -> None:
    with Installation.open(replace(own, recipes=RECIPES | LAX)) as here:
        releasing.make(here, here.dataset(), Run(seed=1))
    key = install_key(own)
    with client_of(own) as client:
        client.bearing(key)
        assert client.list_for("u1")["release"] == "0001"
        with Installation.open(own) as here:
            releasing.promote(here, "0002", "ann", 0.5)
        answers = until_tried(client)
        assert {(one["release"], one["variant"]) for one in answers.values()} == {("0001", "live"), ("0002", "canary")}
        again = {user: client.list_for(user)["release"] for user in answers}
        assert again == {user: one["release"] for user, one in answers.items()}  # the same visit, the same release
        tried = next(user for user, one in answers.items() if one["variant"] == "canary")
        trace = client.get(f"/v1/recommendations/{answers[tried]['recommendation_id']}").json()
        assert (trace["release"], trace["variant"]) == ("0002", "canary")
        assert client.list_for(None)["release"] == "0001"  # nobody known is nobody's canary
        assert client.post("/v1/releases/0002/rollback").json() == {"live": "0001"}
        assert client.list_for(tried)["release"] == "0001"
        states = {one["name"]: one["state"] for one in client.get("/v1/releases").json()["releases"]}
        assert states == {"0001": "live", "0002": "retired"}


def until_tried(client: Any) -> dict[str, Any]:
    """Lists of twenty people, once the server has heard that a release is tried."""
    from tests.serving.processes import until

    people = [f"u{n}" for n in range(20)]
    until(lambda: any(client.list_for(user)["variant"] == "canary" for user in people))
    return {user: client.list_for(user) for user in people}


def test_the_table_of_rules() -> None:
    assert release_rules({}) == ReleaseRules()
    told = {"share": 0.2, "approval": "automatic", "guard": {"alarms": 0.001}, "watch": {"gini": 0.1}}
    rules = release_rules({"releases": told})
    assert (rules.share, rules.guard.alarms, rules.watch.gini) == (0.2, 0.001, 0.1)
    for wrong, said in (
        ({"shares": 0.2}, "shares"),
        ({"gate": {"acuracy": 0.1}}, "acuracy"),
        ({"gate": 3}, "a table"),
        ({"approval": "nobody"}, "approval"),
        ({"schedule": "daily"}, "cron"),
        ({"share": 1.5}, "share"),
    ):
        with pytest.raises(InvalidInput, match=said):
            release_rules({"releases": wrong})
