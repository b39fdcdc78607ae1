"""The pages in a real browser where something is wrong or strange: no cookie, no server, no store, another language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from regard.data.store.server import Server
from regard.serving.settings import Settings
from tests.serving.chromium import Browser, Page
from tests.serving.lists_page import LISTED, Open, changed, deed
from tests.serving.processes import Replica, serving, until
from tests.serving.serving import Home, install, said, settings_of
from tests.serving.test_store_away import hanging

TIMES = "SELECT count(*) FROM events JOIN users ON row = user_row WHERE slate <> '' AND users.id = %s"
BAD = "document.querySelector('#said.bad')"
SMALL = "document.querySelector('#said small').textContent"
OURS = """[...document.querySelectorAll(
  'h2, label, nav a, th, #who button, .deeds button, #said, #yet, #figures, dt, dd'
)].flatMap((one) => [...one.childNodes].filter((part) => part.tagName !== 'SMALL'))
.map((part) => part.textContent).join()"""
NAMES = re.compile(
    r"Film \d+|u3\d|openapi.json|gorse|Amazon Personalize|write"
)  # words that no language has its own of
SHAPE = """(function shape(said) {
  return typeof said !== 'object' ? typeof said :
    Object.fromEntries(Object.entries(said).sort().map(([name, one]) => [name, shape(one)]));
})"""
# What of the table is words of the server's own, which are English already.
BY_NAME = (
    "for (const one of [WORDS.en, WORDS.zh]) { delete one.filters; delete one.docs.groups; delete one.docs.roles; }"
)


def show(page: Page, person: str) -> None:
    page.type("#person", person)
    page.click("#who button")


def english(page: Page) -> list[str]:
    """The English words among our own on a page."""
    return re.findall("[A-Za-z]{2,}", NAMES.sub("", page.say(OURS)))


def test_the_chinese_page_is_chinese_also_where_something_fails(opened: Open) -> None:
    page = opened("u30", language="zh-CN")
    page.until("document.querySelectorAll('#releases tr').length > 1")
    assert page.say("document.documentElement.lang") == "zh"
    assert english(page) == []
    assert "因为" in page.say("document.querySelector('#list .reason').textContent")
    page.offline(True)
    page.click(deed(1, "like"))
    page.until(f"{BAD} && {BAD}.textContent.includes('连不上服务器')")
    assert english(page) == []
    page.offline(False)
    show(page, "")
    page.until(f"{BAD} && {BAD}.textContent.includes('不接受')")
    assert "user_id" in page.say(SMALL)
    assert english(page) == []


def test_each_language_has_a_word_for_everything(opened: Open) -> None:
    page = opened("u30")
    page.say(BY_NAME)
    english_, chinese = page.say(f"[WORDS.en, WORDS.zh].map({SHAPE})")
    assert english_ == chinese


def test_a_cookie_that_is_lost_is_renewed_and_a_bad_key_is_dropped(
    opened: Open, browser: Browser, served: Home
) -> None:
    page = opened("u31")
    browser.call("Storage.clearCookies", browserContextId=page.context)
    changed(page, lambda: page.click(deed(1, "like")))
    assert page.say("document.getElementById('door').hidden")
    page.say("sessionStorage.setItem('key', 'nonsense')")
    page.again()
    page.until(LISTED)
    assert page.say("sessionStorage.getItem('key')") is None
    assert len(said(served[0], "SELECT 1 FROM events WHERE slate <> ''")) == 1


@pytest.fixture
def keyed(browser: Browser, served: Home) -> Iterator[Replica]:
    """A server whose page needs a key."""
    with serving(served[0], served[1]["admin"]) as replica:
        yield replica


def test_a_key_is_kept_once_it_has_opened_the_door(keyed: Replica, browser: Browser, served: Home) -> None:
    page = browser.page()
    page.go(f"{keyed.http.base_url}/?person=u32")
    page.until(f"{BAD} && !document.getElementById('door').hidden")
    for wrong in ("nonsense", "钥匙"):
        page.say("document.getElementById('said').textContent = ''")
        page.type("#key", wrong)
        page.click("#door button")
        page.until(f"{BAD}.textContent.includes('no such key')")
        assert page.say("sessionStorage.length") == 0
    page.type("#key", served[1]["read"])
    page.click("#door button")
    page.until(LISTED)
    page.click(deed(1, "like"))
    page.until(f"{BAD} && !document.getElementById('door').hidden")
    assert "write" in page.say("document.querySelector('#said').textContent")
    page.type("#key", served[1]["write"])
    page.click("#door button")
    page.until("document.getElementById('door').hidden")
    changed(page, lambda: page.click(deed(1, "like")))
    page.go(f"{keyed.http.base_url}/health")
    page.until("document.querySelector('#said.good')")
    assert "0001" in page.say("document.getElementById('rows').textContent")
    page.say("sessionStorage.clear()")
    page.again()
    page.until("document.querySelector('#said.good')")
    assert "key" in page.say("document.getElementById('rows').textContent")
    page.close()


def test_what_a_page_asks_for_is_its_own_and_it_fits_a_phone(opened: Open, shop: Replica) -> None:
    for language in ("en-US", "zh-CN"):
        page = opened("u33", language=language, width=360, height=740)
        page.until("document.querySelectorAll('#releases tr').length > 1")
        assert page.say("document.documentElement.scrollWidth") == 360
        for path, there in (
            ("docs", "document.querySelector('details')"),
            ("health", "document.querySelector('#said.good')"),
        ):
            page.go(f"{shop.http.base_url}/{path}")
            page.until(there)
            page.say("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert page.say("[document.documentElement.scrollWidth, innerWidth]") == [360, 360], path
            assert page.say("document.documentElement.lang") == language[:2]
            assert language == "en-US" or english(page) == []
        asked = {urlsplit(request["url"]).netloc for request in page.requests()}
        assert asked == {urlsplit(str(shop.http.base_url)).netloc}


def test_docs_without_a_document_say_so(opened: Open, shop: Replica) -> None:
    page = opened("u1", language="zh-CN")
    page.call("Network.setBlockedURLs", urls=["*openapi.json"])
    page.go(f"{shop.http.base_url}/docs")
    page.until(BAD)
    assert "连不上服务器" in page.say("document.getElementById('said').textContent")
    assert english(page) == []


def test_health_says_in_words_what_is_live_and_since_when(opened: Open, shop: Replica) -> None:
    [live] = [one for one in shop.get("/v1/releases")["releases"] if one["live"]]
    page = opened("u1")
    page.click("nav a[href='/health']")
    page.until("document.querySelector('#said.good')")
    told = page.say("document.getElementById('rows').innerText")
    when = page.say(f"new Date({live['since'] * 1000}).toLocaleString('en', {{dateStyle: 'long', timeStyle: 'short'}})")
    assert f"0001, since {when}" in told
    page.offline(True)
    page.say("look()")
    assert "cannot be reached" in page.say(f"{BAD}.textContent")
    page.offline(False)
    page.say("look()")
    page.click("nav a[href='/']")
    page.until(LISTED)
    assert shop.http.get("/health/ready", headers={"X-API-Key": ""}).json() == {"ready": True}


@pytest.fixture
def away(browser: Browser, fitted: Settings, tmp_path: Path) -> Iterator[tuple[Replica, Settings]]:
    """A server whose page needs no key, with a store of its own in `tmp_path / "store"`."""
    server = Server.start(tmp_path / "store")
    try:
        settings = replace(settings_of(tmp_path / "home", server.url, "away"), patience=1.0)
        key = install(settings, like=fitted)["admin"]
        with serving(replace(settings, page_secret="s3cret"), key) as replica:
            yield replica, settings
    finally:
        server.close()


def test_without_the_store_the_pages_say_so_and_a_deed_sent_again_counts_once(
    away: tuple[Replica, Settings], browser: Browser, tmp_path: Path
) -> None:
    replica, settings = away
    page, other = browser.page(language="zh-CN"), browser.page()
    page.go(f"{replica.http.base_url}/?person=u1")
    page.until(LISTED)
    with hanging(tmp_path / "store"):
        page.click(deed(1, "like"))
        page.until("document.getElementById('said').textContent.includes('正在发送')")
        page.until(f"{BAD} && {BAD}.textContent.includes('存储暂时没有回应')")
        assert english(page) == []
        assert "store" in page.say(SMALL)
        page.click("nav a[href='/health']")
        page.until(BAD)
        assert "存储没有回应" in page.say("document.getElementById('said').textContent")
        assert english(page) == []
        other.go(f"{replica.http.base_url}/?person=u2")  # the list of who is named waits for nobody's names
        other.until(LISTED)
        other.click(deed(1, "like"))
        other.until(BAD)
    other.until("ask('/health/ready').then(() => true, () => false)")

    def again() -> bool:  # what waits for the store tries it once a second, so that it may be refused once more
        other.click(deed(1, "like"))
        other.until("!document.querySelector('#list [aria-disabled=true]')")
        return not other.say(f"!!{BAD}")

    until(again)
    assert len({json.loads(request["postData"])["id"] for request in other.requests("/v1/events")}) == 1
    rows = said(
        settings,
        "SELECT u.id, count(*) FROM events e JOIN users u ON u.row = e.user_row WHERE e.slate <> '' GROUP BY 1",
    )
    assert dict(rows)["u2"] == 1
    for one in (page, other):
        assert one.told("Runtime.exceptionThrown") == []
        one.close()
