"""Lists asked for by offset: where the server explores, too, no page repeats another, and the log has what was sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regard.data.impression_log import Impression
from regard.serving import session
from regard.serving.installation import Installation
from regard.serving.replaying import replay
from regard.serving.served import Served
from regard.serving.settings import Settings
from tests.serving.serving import Client, client_of, said

LOGGED = "SELECT items FROM impressions WHERE surface = 'gorse' ORDER BY at"
PEOPLE = [f"u{n}" for n in range(12)]


@pytest.fixture
def client(explorer: Client) -> Client:
    """Of a server that explores."""
    return explorer


def _page(client: Client, who: str, offset: int, n: int = 5) -> list[str]:
    answer = client.get(f"/api/recommend/{who}", params={"n": n, "offset": offset})
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()
    return found


def _logged(settings: Settings) -> list[list[str]]:
    names = dict(said(settings, "SELECT row, id FROM items"))
    return [[names[row] for row in items] for (items,) in said(settings, LOGGED)]


def _apart(pages: list[list[str]]) -> bool:
    items = [name for page in pages for name in page]
    return len(items) == len(set(items)) > 0


def test_pages_repeat_nothing_and_the_log_has_what_was_sent(daring: Settings, client: Client) -> None:
    lists = [[_page(client, who, offset) for offset in (0, 5, 10, 15)] for who in PEOPLE]
    assert all(_apart(pages) for pages in lists)
    assert [len(page) for pages in lists for page in pages] == [5] * 48
    assert _logged(daring) == [page for pages in lists for page in pages]
    with Installation.open(daring) as here:
        served = Served.at_rest(here)
        assert {replay(served, one).verdict for one in served.impressions.newest(48)} == {"same"}


def test_any_server_goes_on_from_what_another_one_showed(daring: Settings, client: Client, expert: str) -> None:
    with client_of(daring) as other:
        other.bearing(expert)
        for who in PEOPLE:
            assert _apart([_page(one, who, offset) for one, offset in ((client, 0), (other, 5), (client, 10))])


def test_a_page_that_is_in_no_log_is_not_repeated(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(served: Served, impression: Impression) -> bool:
        return False

    for who in PEOPLE:
        with monkeypatch.context() as away:
            away.setattr(Served, "log", refused)
            pages = [_page(client, who, 0)]
        assert _apart([*pages, *(_page(client, who, offset) for offset in (5, 10))])


def test_pages_of_a_category_and_those_of_all_go_on_apart(client: Client) -> None:
    for who in PEOPLE:
        paths = [f"{who}{category}" for _ in range(3) for category in ("", "/crime")]
        pages = [_page(client, path, 5 * (place // 2)) for place, path in enumerate(paths)]
        assert _apart(pages[::2])
        assert _apart(pages[1::2])


def test_who_is_not_known_yet_is_shown_no_item_twice(client: Client) -> None:
    for number in range(12):
        pages = [_page(client, f"stranger {number}", offset) for offset in (0, 5)]
        event = {"user": f"stranger {number}", "item": pages[0][0], "type": "like"}
        assert client.post("/v1/events", json=event).status_code == 202
        pages += [_page(client, f"stranger {number}", offset) for offset in (10, 15)]
        assert _apart(pages)


def test_pages_after_a_session_repeat_nothing(client: Client) -> None:
    def page(body: Any, offset: int) -> list[str]:
        answer = client.post("/api/session/recommend", params={"n": 5, "offset": offset}, json=body)
        return [one["Id"] for one in answer.json()]

    for number in range(12):
        body = [{"FeedbackType": "like", "ItemId": "f0", "Timestamp": f"2022-08-07T00:26:{number:02}Z"}]
        assert _apart([page(body, offset) for offset in (0, 5, 10, 15)])


def test_a_page_without_one_before_it_follows_the_best(own: Settings, expert: str) -> None:
    with client_of(own) as calm:
        calm.bearing(expert)
        late = {who: _page(calm, who, 15) for who in ("u1", "stranger")}
        for who, items in late.items():
            assert _apart([_page(calm, who, 0, 15), items])
            assert _page(calm, who, 15) == items
        assert [len(items) for items in _logged(own)] == [5, 5, 15, 5, 15, 5]


def test_strangers_are_remembered_for_a_while_and_not_without_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "STRANGERS", 2)
    sessions, rows = session.Sessions(), np.arange(3)
    for who, what in (("ann", "{}"), ("bob", "{}"), ("ann", "{}"), ("cid", "{}")):
        sessions.show(who, what, rows, at=100.0)
    assert [len(sessions.shown(who, "{}", since=100.0)) for who in ("ann", "bob", "cid")] == [3, 0, 3]
    assert len(sessions.shown("ann", "{}", since=101.0)) == 0
    sessions.forget("ann")
    assert [len(sessions.shown(who, "{}", since=0.0)) for who in ("ann", "cid")] == [0, 3]


def test_a_list_begins_anew_at_its_first_page(client: Client) -> None:
    for who in PEOPLE[:4]:
        first = [_page(client, who, offset) for offset in (0, 5)]
        again = [_page(client, who, offset, 10) for offset in (0, 10)]
        assert _apart(first)
        assert _apart(again)
        assert _apart([again[0], _page(client, who, 10, 10)])  # the same page again
