"""A real Chromium without a screen, over the DevTools protocol by a pipe: what a person does, a test does."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.serving.processes import PATIENCE, until

WAIT = PATIENCE  # seconds, for what should come

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--no-proxy-server", "--disable-background-networking", "--disable-component-update",
    "--disable-breakpad", "--disable-crash-reporter",
)  # fmt: skip
# The browser reads its orders from descriptor 3 and answers on 4; whatever bears those numbers now gives way first.
AS_3_AND_4 = """
import fcntl, os, sys
ours = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for number, fd in zip((3, 4), ours): os.dup2(fd, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
Event = tuple[str, dict[str, Any]]  # its method, its parameters


def chromium() -> str | None:
    """The browser of REGARD_CHROMIUM, else the one on the PATH."""
    return os.environ.get("REGARD_CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass(eq=False)
class Browser:
    """One browser; `page` opens windows that share nothing, each as in a browser of its own."""

    process: subprocess.Popen[bytes]
    orders: int
    answers: int
    events: dict[str, list[Event]] = field(default_factory=dict)  # by session, oldest first
    _number: int = 0
    _rest: bytes = b""

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """One order, and its answer; AssertionError where the browser refuses it."""
        self._number += 1
        said = {"id": self._number, "method": method, "params": parameters}
        rest = json.dumps(said | ({"sessionId": session} if session else {})).encode() + b"\0"
        while rest:
            rest = rest[os.write(self.orders, rest) :]
        while True:
            heard = self._hear(WAIT)
            assert heard is not None, f"no answer to {method}"
            if heard.get("id") == self._number:
                assert "error" not in heard, f"{method}: {heard['error']}"
                found: dict[str, Any] = heard["result"]
                return found

    def _hear(self, seconds: float) -> dict[str, Any] | None:
        """The next message; an event is kept under its session."""
        while b"\0" not in self._rest:
            if not select.select([self.answers], [], [], seconds)[0]:
                return None
            came = os.read(self.answers, 1 << 20)
            assert came, "the browser is gone"
            self._rest += came
        first, _, self._rest = self._rest.partition(b"\0")
        heard: dict[str, Any] = json.loads(first)
        if "method" in heard:
            self.events.setdefault(heard.get("sessionId", ""), []).append((heard["method"], heard["params"]))
        return heard

    def page(self, language: str = "en-US", width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        """A window of its own: language of the reader, size in pixels (a phone below 600), light or dark."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, context)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        agent = self.call("Browser.getVersion")["userAgent"]
        page.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.call("Emulation.setEmulatedMedia", features=[scheme])
        return page


@dataclass(eq=False)
class Page:
    """One window."""

    browser: Browser
    session: str
    context: str
    _taken: int = 0  # events that `next` has gone past

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **parameters)

    def go(self, url: str) -> None:
        """Until everything that the page names is loaded; its script may still be asking."""
        self._forget()
        self.call("Page.navigate", url=url)
        self.next("Page.loadEventFired")

    def again(self) -> None:
        """Loaded anew, as by the browser's own button."""
        self._forget()
        self.call("Page.reload")
        self.next("Page.loadEventFired")

    def _forget(self) -> None:
        self.say("0")  # what happened before this order has been told before its answer
        self._taken = len(self.browser.events.get(self.session, []))

    def say(self, script: str) -> Any:
        """The value of an expression there, awaited; AssertionError with its error."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression is true there; AssertionError with what stands on the page instead."""
        try:
            until(lambda: self.say(f"!!({script})"), seconds=WAIT)
        except AssertionError as error:
            raise AssertionError(f"{script}: {error} The page: {self.say('document.body.innerText')}") from error

    def next(self, method: str, within: str = "") -> dict[str, Any]:
        """The next event of this kind in which those words stand, waited for; what came before it is passed over."""
        while True:
            heard = self.browser.events.get(self.session, [])
            while self._taken < len(heard):
                self._taken += 1
                name, said = heard[self._taken - 1]
                if name == method and within in json.dumps(said):
                    return said
            assert self.browser._hear(WAIT) is not None, f"no {method} {within}"

    def told(self, method: str) -> list[dict[str, Any]]:
        """Every event of this kind until now."""
        self.say("0")  # what happened before this order has been told before its answer
        return [said for name, said in self.browser.events.get(self.session, []) if name == method]

    def requests(self, path: str = "") -> list[dict[str, Any]]:
        """Every request until now whose address holds those words."""
        sent = [said["request"] for said in self.told("Network.requestWillBeSent")]
        return [request for request in sent if path in request["url"] and not request["url"].startswith("data:")]

    def click(self, selector: str, times: int = 1) -> None:
        """With the mouse, in the middle of the first such element."""
        found = f"document.querySelector({json.dumps(selector)})"
        self.say(f"{found}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        x, y = self.say(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({found}.getBoundingClientRect())"
        )
        for n in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=n)

    def press(self, key: str, text: str = "", repeats: bool = False) -> None:
        """A key, where the focus is."""
        code = {"Enter": 13, "Tab": 9}[key]
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, text=text,
                  autoRepeat=repeats)  # fmt: skip
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def type(self, selector: str, text: str) -> None:
        """Into a field, whose words before are gone."""
        self.say(f"document.querySelector({json.dumps(selector)}).select()")
        if text:
            self.call("Input.insertText", text=text)
        else:
            self.say(f"document.querySelector({json.dumps(selector)}).value = ''")

    def offline(self, away: bool) -> None:
        """As if no server could be reached."""
        self.call("Network.emulateNetworkConditions", offline=away, latency=0, downloadThroughput=-1,
                  uploadThroughput=-1)  # fmt: skip

    def hold(self, path: str, answered: bool = True) -> None:
        """Requests of this path wait in the browser until `let` (with `answered`, after the server has answered)."""
        stage = "Response" if answered else "Request"
        self.call("Fetch.enable", patterns=[{"urlPattern": f"*{path}*", "requestStage": stage}])

    def held(self, within: str = "") -> str:
        """One that is held, waited for, in whose body or address those words stand: what `let` takes."""
        return str(self.next("Fetch.requestPaused", within)["requestId"])

    def let(self, *requests: str) -> None:
        """What was held goes on; no more is held."""
        for request in requests:
            self.call("Fetch.continueRequest", requestId=request)
        self.call("Fetch.disable")

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)


@contextmanager
def browsing(program: str, folder: Path) -> Iterator[Browser]:
    """A browser with an empty profile in this folder; it ends with the block."""
    (read_orders, orders), (answers, write_answers) = os.pipe(), os.pipe()
    command = [sys.executable, "-c", AS_3_AND_4, str(read_orders), str(write_answers), program, *FLAGS]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen([*command, f"--user-data-dir={folder / 'profile'}"], stdout=log, stderr=log,
                                   pass_fds=(read_orders, write_answers))  # fmt: skip
    os.close(read_orders)
    os.close(write_answers)
    browser = Browser(process, orders, answers)
    try:
        yield browser
    finally:
        with suppress(AssertionError, OSError):
            browser.call("Browser.close")
        os.close(orders)
        os.close(answers)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
