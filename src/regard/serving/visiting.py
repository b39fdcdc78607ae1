"""Visiting: the demo's town comes to the demo's server, so that lists, clicks and figures move."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from regard.measurement.simulator import Town
from regard.serving.running import DIRECT
from regard.serving.settings import now

SHOWN = 10


@dataclass(eq=False)
class Visitors:
    """A thread in which people of a town ask `url` for a list now and then, and click and like by their true taste."""

    town: Town
    url: str
    key: str = field(repr=False)
    pause: float = 1.0  # seconds between two visits
    seed: int = 0

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._rows = {name: row for row, name in enumerate(self.town.items.ids)}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._come, name="regard-visitors", daemon=True)

    def start(self) -> None:
        """Begin to come; they wait until the server answers."""
        self._thread.start()

    def stop(self) -> None:
        """Come no more."""
        self._stopping.set()
        self._thread.join(10)

    def visit(self) -> int:
        """One visit of one person; how many events it left."""
        person = int(self._rng.integers(len(self.town.people)))
        asked = {"user_id": self.town.people[person], "k": SHOWN, "surface": "town"}
        found = self._ask("/v1/recommendations", asked)
        rows = [self._rows.get(item["id"], -1) for item in found["items"]]
        if not rows:
            return 0
        said = self.town.events(self.town.answer(np.array([person]), np.array([rows]), now()))
        events = [_event(row, found["recommendation_id"]) for row in said.to_dicts()]
        if events:
            self._ask("/v1/events", events)
        return len(events)

    def _come(self) -> None:
        while not self._stopping.wait(self.pause):
            try:
                self.visit()
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                time.sleep(0.1)  # not yet, or no more

    def _ask(self, path: str, body: Any) -> Any:
        headers = {"X-API-Key": self.key, "Content-Type": "application/json"}
        asked = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)  # noqa: S310 our own server
        with DIRECT.open(asked, timeout=10) as answer:
            return json.load(answer)


def _event(row: Mapping[str, Any], slate: str) -> dict[str, Any]:
    kept = {name: row[name] for name in ("user", "item", "type", "value", "position") if row.get(name) is not None}
    return {**kept, "time": now(), "slate": slate}
