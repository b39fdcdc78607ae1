"""The list's page in a real browser: what a person sees and does there, with the mouse, the keys, and bad luck."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.serving.chromium import Page
from tests.serving.lists_page import DEEDS, FOCUS, LISTED, TITLES, Open, changed, deed
from tests.serving.processes import until
from tests.serving.serving import Home, said

KEPT = """SELECT t.name, i.id, e.slate FROM events e JOIN users u ON u.row = e.user_row
JOIN items i ON i.row = e.item_row JOIN event_types t ON t.code = e.type
WHERE u.id = %s AND e.slate <> '' ORDER BY e.seq"""


def sent(page: Page) -> list[dict[str, Any]]:
    """The events that a page has sent, answered or not."""
    return [json.loads(request["postData"]) for request in page.requests("/v1/events")]


def test_a_list_comes_with_titles_and_reasons(opened: Open) -> None:
    page = opened("u1")
    assert all(title.startswith("Film ") for title in page.say(TITLES))
    reasons = page.say("[...document.querySelectorAll('#list .reason')].map((one) => one.textContent)")
    assert all(reason.endswith(".") for reason in reasons)
    assert any(reason.startswith("Because") for reason in reasons)
    page.until("[...document.querySelectorAll('#list .tags')].every((one) => one.textContent.includes('Director'))")
    page.until("document.querySelectorAll('#releases tr').length > 1")
    assert "u1" in page.say("document.getElementById('whose').textContent")
    names = page.say("[...document.querySelectorAll('#list li:first-child button')].map((one) => one.ariaLabel)")
    assert len(names) == 3
    assert all(page.say(TITLES)[0] in name for name in names)


@pytest.mark.parametrize("name", DEEDS)
def test_what_a_person_does_is_kept_and_changes_the_next_list(opened: Open, served: Home, name: str) -> None:
    user = f"u{10 + DEEDS.index(name)}"
    page = opened(user)
    title, slate = page.say(TITLES)[1], page.say("document.body.dataset.shown")
    changed(page, lambda: page.click(deed(2, name)))
    assert title not in page.say(TITLES)
    assert title in page.say("document.getElementById('said').textContent")
    assert title in page.say("document.getElementById('past').textContent")
    [kept] = said(served[0], KEPT, user)
    assert kept == (name, f"f{title.removeprefix('Film ')}", slate.replace("-", ""))


def test_a_double_click_is_one_event_however_fast_the_answer_is(opened: Open, served: Home) -> None:
    page = opened("u20")
    page.hold("/v1/events")
    page.click(deed(1, "like"), times=2)
    held = page.held()
    assert page.say(f"document.querySelector('{deed(1, 'like')}').ariaDisabled") == "true"
    assert page.say("document.getElementById('said').textContent.trim()")  # that it is under way
    page.click(deed(1, "click"))
    changed(page, lambda: page.let(held))
    page.click(deed(1, "like"), times=2)  # and with nothing held
    changed(page, lambda: page.click(deed(3, "like")))
    kept = [item for _, item, _ in said(served[0], KEPT, "u20")]
    assert len(kept) == len(sent(page)) == 3
    # the second half of a double click that falls on the list that the first half has brought
    x, y = page.say(
        f"(({{x, y}}) => [x + 5, y + 5])(document.querySelector('{deed(1, 'like')}').getBoundingClientRect())"
    )
    for count in (1, 2):
        for kind in ("mousePressed", "mouseReleased"):
            page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=count)
        until(lambda: len(said(served[0], KEPT, "u20")) == 4)
        page.until(f"{LISTED} && !document.querySelector('#list [aria-disabled=true]')")
    changed(page, lambda: page.click(deed(2, "click")))
    assert [type_ for type_, _, _ in said(served[0], KEPT, "u20")[3:]] == ["like", "click"]


def test_a_deed_that_failed_is_said_and_keeps_its_id(opened: Open, served: Home) -> None:
    page = opened("u21")
    title = page.say(TITLES)[0]
    page.offline(True)
    page.click(deed(1, "like"))
    page.until("document.querySelector('#said.bad')")
    assert title in page.say("document.getElementById('said').textContent")
    assert page.say(f"document.querySelector('{deed(1, 'like')}').ariaDisabled") != "true"
    page.offline(False)
    changed(page, lambda: page.click(deed(1, "like")))
    first, second = sent(page)
    assert first["id"] == second["id"]
    assert len(said(served[0], KEPT, "u21")) == 1


def test_an_answer_that_does_not_come_is_given_up_and_the_event_counts_once(opened: Open, served: Home) -> None:
    page = opened("u22")
    page.say("{ const real = AbortSignal.timeout; AbortSignal.timeout = () => real.call(AbortSignal, 50); }")
    page.hold("/v1/events")  # the server has kept it, and its answer gets lost
    page.click(deed(1, "like"))
    page.held()
    page.until("document.querySelector('#said.bad')")
    assert "in time" in page.say("document.getElementById('said').textContent")
    page.say("AbortSignal.timeout = () => undefined")
    page.let()
    changed(page, lambda: page.click(deed(1, "like")))
    assert len(sent(page)) == 2
    assert len(said(served[0], KEPT, "u22")) == 1


def test_the_focus_stays_in_its_place(opened: Open) -> None:
    page = opened("u23")
    page.say(f"document.querySelector('{deed(3, 'click')}').focus()")
    changed(page, lambda: page.press("Enter", "\r"))
    assert page.say(FOCUS) == ["click", 2]
    page.press("Enter", "\r", repeats=True)  # held down, the key does not run through the list
    page.offline(True)
    page.press("Enter", "\r")
    page.until("document.querySelector('#said.bad')")
    assert page.say(FOCUS) == ["click", 2]
    page.offline(False)
    page.hold("/v1/recommendations")
    page.press("Enter", "\r")
    held = page.held()
    page.offline(True)
    page.call("Fetch.failRequest", requestId=held, errorReason="ConnectionClosed")
    page.until("document.querySelectorAll('#list li').length === 0")
    assert page.say(FOCUS) == ["show", -1]  # nothing else is left to go on from
    assert len(sent(page)) == 3


def test_a_late_answer_does_not_become_another_person_s_list(opened: Open, served: Home) -> None:
    page = opened("u1")
    page.hold("/v1/recommendations")
    held = []
    for person in ("u24", "u25"):
        page.type("#person", person)
        page.click("#who button")
        held.append(page.held(f'\\"{person}\\"'))
        assert page.say("document.querySelectorAll('#list li').length") == 0  # nobody's stays under that name
    page.call("Fetch.continueRequest", requestId=held[1])
    page.until(LISTED)
    titles = page.say(TITLES)
    page.let(held[0])
    page.next("Network.loadingFinished")
    changed(page, lambda: page.click(deed(1, "click")))
    assert len(set(titles) - set(page.say(TITLES))) == 1
    assert [kept[0] for kept in said(served[0], KEPT, "u25")] == ["click"]
    assert said(served[0], KEPT, "u24") == []
    assert "u25" in page.say("document.getElementById('whose').textContent")


@pytest.mark.parametrize("name", ["", "x" * 300])
def test_a_name_that_is_refused_leaves_no_list(opened: Open, name: str) -> None:
    page = opened("u1")
    page.type("#person", name)
    page.click("#who button")
    page.until("document.querySelector('#said.bad')")
    assert page.say("document.querySelectorAll('#list li').length") == 0
    assert page.say("document.getElementById('figures').textContent") == ""
    assert "user_id" in page.say("document.querySelector('#said small').textContent")
    page.type("#person", "u1")
    page.click("#who button")
    page.until(LISTED)
    assert page.say("document.querySelector('#said.bad')") is None


def test_what_is_under_way_for_one_person_leaves_the_next_one_s_list_alone(opened: Open, served: Home) -> None:
    page = opened("u26")
    page.hold("/v1/events")
    page.click(deed(1, "like"))
    held = page.held()
    page.type("#person", "u27")
    changed(page, lambda: page.click("#who button"))
    shown = page.say("document.body.dataset.shown")
    page.let(held)
    until(lambda: len(said(served[0], KEPT, "u26")) == 1)
    changed(page, lambda: page.click(deed(1, "like")))
    lists = [json.loads(request["postData"]) for request in page.requests("/v1/recommendations")]
    assert [asked["user_id"] for asked in lists] == ["u26", "u27", "u27"]
    assert page.say("document.querySelectorAll('#past li').length") == 1
    assert [slate for _, _, slate in said(served[0], KEPT, "u27")] == [shown.replace("-", "")]
