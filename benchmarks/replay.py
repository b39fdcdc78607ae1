"""A thousand logged lists, from before and after every kind of change, filled again by another process.

`python -m benchmarks.replay [--items 2000] [--lists 1000] [--out PAGE]` makes an installation of an invented town,
serves it by `regard serve`, asks for lists of every kind (tests/serving/changing.py) while events, items, weights and
releases change between them and under them, stops the server, and lets `regard replay` judge all of them; then it takes
an item, a person and what a person did away, and asks again. The exit code is 1 where a list came out different.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from benchmarks.processes import machine
from benchmarks.serving import build
from regard.data.keys import create_key
from regard.domain.run import Run
from regard.domain.weights import EventWeight
from regard.serving import believing, releasing
from regard.serving.installation import Installation
from regard.serving.settings import Settings, now, read_settings
from tests.serving.changing import Changing
from tests.serving.processes import MAIN, Replica, serving, until
from tests.serving.test_releasing import LAX

SECOND = {"ease": {"kind": "ease", "l2": 300.0}, "als": {"kind": "als"}, "popular": {"kind": "popularity"}}
PHASES = {  # what happens, and the share of the lists that are asked for after it
    "before anything": 0.1,
    "after 200 events": 0.15,
    "after 100 changes of items, half of them new": 0.2,
    "after other weights of events": 0.1,
    "after a new release went live": 0.1,
    "four asking at a time": 0.1,
    "after a rollback": 0.1,
    "with a canary": 0.1,
    "while items and events come": 0.05,
}

POLICY = "[policy]\nslots = 0.1\nclicks = 0.1\nminutes = 0\n"  # what is drawn has to come again, too
HOUR = 3_600.0
VERDICTS = ("same", "gone", "different")
PAGE = """# Replay: logged lists filled again by another process

`python -m benchmarks.replay`: an invented town, {items:,} items at the end, the default sources with a small network;
a real server; lists of every kind (people known and unknown, filters, sessions, pages, item pages, rankings) with 1 to
19 slots, a tenth of them to explore. `regard replay --last N` then judges each of them after everything has happened:
the same means items, scores, parts, sources and chances, bit for bit; gone means that something that made the list is
no longer kept, and says what.

| lists | asked | same | gone | different |
|---|---|---|---|---|
{rows}
{all}

{why}- {judged:,} lists in {seconds:.0f} s, with the start of the process and both releases read; those above and the
  ones that waited for a release. {machine}; the machine was not alone.

## After an item, a person and what a person did were taken away

{then[same]:,} the same, {then[gone]:,} gone, {then[different]:,} different; the lists of that person have left the log.
Why they are gone:

{later}

How long a rollback takes, and that the lists of 1,000 people are then those of before: [guard.md](guard.md).
"""


@dataclass
class Thousand:
    """The lists of each phase by their ids, in order."""

    settings: Settings
    replica: Replica
    changing: Changing
    total: int
    phases: dict[str, list[str]] = field(default_factory=dict)

    def lists(self, phase: str) -> None:
        """Ask for this phase's share."""
        before, n = len(self.changing.asked), round(self.total * PHASES[phase])
        if phase.startswith("while"):
            with asking(self.replica) as (_, other):
                self.changing.during(n, other)
        elif phase.startswith("four"):
            with ExitStack() as stack:
                self.changing.at_once(n, [stack.enter_context(asking(self.replica))[1] for _ in range(4)])
        else:
            self.changing.lists(n)
        self.phases[phase] = self.changing.asked[before:]
        print(f"{phase}: {n}", file=sys.stderr, flush=True)

    def go(self) -> None:
        """All phases."""
        done = iter(PHASES)
        self.lists(next(done))
        self.changing.events(200)
        self.lists(next(done))
        self.changing.change_items(100)
        self.lists(next(done))
        with Installation.open(replace(self.settings, recipes={"sources": SECOND} | LAX)) as here:
            here.store.set_event_weights([EventWeight("like", 1.0), EventWeight("view", 0.4)])
            self.lists(next(done))
            releasing.make(here, here.dataset(), Run(seed=1))
            releasing.promote(here, "0002", "benchmark")
            self._until(lambda said: said["release"] == "0002")
            self.lists(next(done))
            believing.learn(here, now() + HOUR)
            self.lists(next(done))
            self.changing.change_items(20)
            releasing.roll_back(here, "benchmark", "a benchmark", "0002")
            self._until(lambda said: said["release"] == "0001")
            self.lists(next(done))
            releasing.promote(here, "0002", "benchmark", 0.5)
            self._until(lambda said: said["variant"] == "canary")
            self.lists(next(done))
        self.lists(next(done))

    def _until(self, true: Any) -> None:
        people = self.changing.people[:20]
        until(lambda: any(true(self.replica.list_for(who)) for who in people), self.replica.log)


@contextmanager
def asking(replica: Replica) -> Iterator[tuple[httpx.Client, Any]]:
    """A connection of its own, and how it asks."""
    with httpx.Client(base_url=replica.http.base_url, headers=replica.http.headers, timeout=60) as client:

        def ask(method: str, path: str, body: Any) -> Any:
            answer = client.request(method, path, json=body)
            assert answer.status_code < 300, answer.text
            return answer.json()

        yield client, ask


def judged(settings: Settings, last: int) -> tuple[dict[str, Any], float]:
    """What `regard replay` says of the newest lists, in a process of its own, and how long it took."""
    words = [sys.executable, "-c", MAIN, "replay", "--last", str(last), "--json", "--folder", str(settings.folder)]
    began = time.perf_counter()
    done = subprocess.run(words, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found, time.perf_counter() - began


def taken_away(replica: Replica, changing: Changing, asked: list[str]) -> None:
    """One item that stood on a list, one person with a list, and what another did with an item."""
    shown = replica.get(f"/v1/recommendations/{asked[0]}")
    replica.http.delete(f"/v1/items/{shown['items'][0]['id']}").raise_for_status()
    named = [who for name in asked[1:80] if (who := replica.get(f"/v1/recommendations/{name}")["user_id"])]
    replica.http.delete(f"/v1/users/{named[0]}").raise_for_status()
    who = next(name for name in named if name != named[0])
    did = replica.get(f"/api/user/{who}/feedback")[0]
    path = f"/api/feedback/{did['FeedbackType']}/{who}/{did['ItemId']}"
    replica.http.delete(path).raise_for_status()


def page(run: Thousand, first: tuple[dict[str, Any], float], then: tuple[dict[str, Any], float]) -> str:
    """The page."""
    verdicts = {one["recommendation_id"]: one for one in first[0]["lists"]}
    everything = [name for asked in run.phases.values() for name in asked]
    lost = [verdicts[name] for name in everything if name in verdicts]
    why = Counter(one["why"] for one in lost if one["verdict"] == "gone")
    return PAGE.format(
        items=len(run.changing.items),
        rows="\n".join(_row(phase, asked, verdicts) for phase, asked in run.phases.items()),
        all=_row("**all**", everything, verdicts),
        why="".join(f"- {n} gone: {reason}.\n" for reason, n in why.items()),
        judged=sum(first[0][verdict] for verdict in VERDICTS),
        seconds=first[1],
        machine=machine(1),
        then=then[0],
        later="\n".join(f"- {n}: {why}." for why, n in Counter(one["why"] for one in then[0]["lists"]).items()),
    )


def _row(phase: str, asked: list[str], verdicts: dict[str, Any]) -> str:
    said = [verdicts[name]["verdict"] if name in verdicts else "same" for name in asked]
    return f"| {phase} | {len(asked):,} | " + " | ".join(f"{said.count(verdict):,}" for verdict in VERDICTS) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--lists", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regard-replay-") as folder:
        (Path(folder) / "regard.toml").write_text(POLICY, "utf-8")
        settings = read_settings(Path(folder), {})
        build(settings, asked.items)
        with Installation.open(settings) as here:
            key = create_key(here.store, "benchmark", "admin")
            data = here.releases.data(here.releases.get("0001"))
            people, items = list(data.users)[:1500], list(data.items)
        with serving(settings, key) as replica, asking(replica) as (_, ask):
            run = Thousand(
                settings, replica, Changing(ask, people, items, ["topic 1", "topic 2", "river"]), asked.lists
            )
            run.go()
        everything = sum(map(len, run.phases.values())) + 200  # and those that waited for a release
        first = judged(settings, everything)
        with serving(settings, key) as replica:
            taken_away(replica, run.changing, run.changing.asked)
        then = judged(settings, everything)
    text = page(run, first, then)
    if asked.out:
        asked.out.write_text(text, "utf-8")
    sys.stdout.write(text)
    return int(bool(first[0]["different"] or then[0]["different"]))


if __name__ == "__main__":
    sys.exit(main())
