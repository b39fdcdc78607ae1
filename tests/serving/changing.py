"""A server whose world changes between its lists and during them: events, items, weights and releases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Ask = Callable[[str, str, Any], Any]  # method, path, body -> the answer, which must be a good one


@dataclass
class Changing:
    """Asks for lists of every kind and changes what they are made of; `tags` are words that items bear."""

    ask: Ask
    people: Sequence[str]
    items: list[str]
    tags: Sequence[str]
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    asked: list[str] = field(default_factory=list)  # ids of the lists, in their order
    made: int = 0

    def lists(self, n: int) -> None:
        """So many lists: of people and of nobody, filtered, paged, alike, ranked."""
        for _ in range(n):
            kind = len(self.asked) % 8
            body: dict[str, Any] = {"user_id": self._any(self.people), "k": int(self.rng.integers(1, 20))}
            if kind == 1:
                body |= {"filter": {"tags": self._any(self.tags)}}
            if kind == 2:
                body = {"session": [{"item": self._any(self.items), "type": "like"} for _ in range(3)]}
            if kind == 3:
                body |= {"seed_item": self._any(self.items), "exclude": [self._any(self.items)]}
            if kind == 4:
                body |= {"after": self.asked[-1], "context": {"device": "tv"}, "mood": {"tired": 0.5}}
            if kind == 5:
                ranked = {"userId": body["user_id"], "inputList": [self._any(self.items) for _ in range(10)]}
                self.asked.append(self.ask("POST", "/personalize-ranking", ranked)["recommendationId"])
                continue
            answer = self.ask("POST", "/v1/recommendations", body)
            while not answer["logged"]:  # the store had no second for it; such a list is not learned from either
                answer = self.ask("POST", "/v1/recommendations", body)
            self.asked.append(answer["recommendation_id"])

    def at_once(self, n: int, hands: Sequence[Ask]) -> None:
        """So many lists, asked for by several at the same time."""
        seeds = range(len(hands))
        others = [
            Changing(hand, self.people, self.items, self.tags, np.random.default_rng(seed), self.asked[-1:])
            for seed, hand in zip(seeds, hands, strict=True)
        ]
        threads = [threading.Thread(target=one.lists, args=(n // len(hands),)) for one in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.asked += [name for one in others for name in one.asked[1:]]

    def events(self, n: int) -> None:
        """So many events, of people known and new, some from last year."""
        for _ in range(n):
            who = self._any(self.people) if self.rng.random() < 0.9 else f"new person {self._number()}"
            kind = self._any(("like", "view", "dislike", "less"))
            event: dict[str, Any] = {"user": who, "item": self._any(self.items), "type": kind}
            if self.rng.random() < 0.2:
                event["time"] = 1.75e9
            self.ask("POST", "/v1/events", event)

    def change_items(self, n: int) -> None:
        """New items, new words for old ones, some hidden and some shown again."""
        for turn in range(n):
            name = f"new item {self._number()}" if turn % 2 else self._any(self.items)
            if turn % 4 == 0:
                self.ask("PATCH", f"/v1/items/{name}", {"hidden": bool(turn % 8)})
                continue
            words = {"title": f"{self._any(self.tags)} {self.made}", "tags": [self._any(self.tags)]}
            self.ask("POST", "/v1/items", {"id": name, **words, "creator": f"maker {self.made % 3}"})
            if turn % 2:
                self.items.append(name)

    def during(self, n: int, other: Ask) -> None:
        """So many lists while items change and events come by another road."""
        stopping = threading.Event()
        beside = Changing(other, self.people, list(self.items), self.tags, np.random.default_rng(1), made=10_000)

        def change() -> None:
            while not stopping.is_set():
                beside.change_items(4)
                beside.events(4)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            self.lists(n)
        finally:
            stopping.set()
            thread.join()

    def _any(self, names: Sequence[str]) -> str:
        return names[int(self.rng.integers(len(names)))]

    def _number(self) -> int:
        self.made += 1
        return self.made
