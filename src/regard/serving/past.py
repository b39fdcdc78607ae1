"""Past: a release over the items of an earlier moment, as it answered then; and the print of a person's past."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from regard.data.impression_log import Impression
from regard.data.item_changes import counted
from regard.data.past import must_be_kept, steps
from regard.data.reading import AsOf, Runs
from regard.domain.arrays import Rows, Scores
from regard.domain.candidates import Candidates
from regard.domain.errors import NotFound, Unavailable
from regard.domain.protocols import Evidence
from regard.domain.request import History, Query
from regard.domain.weights import LESS
from regard.recommending.recommender import Recommender
from regard.serving.installation import Installation
from regard.serving.sources import NOTHING, AtWork, BlendAtWork
from regard.serving.tuned import base_of, over
from regard.serving.wiring import Live

Corridors: TypeAlias = dict[tuple[str, ...], Recommender]  # by the sources that were left out
RUNS = 256  # runs of unread rows that a list's line keeps
HELD = 2  # releases that stay loaded: the live one's list comes beside the canary's


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """A release over the items of a moment, without those that were deleted up to change number `read`."""

    live: Live
    read: int
    corridors: Corridors = field(default_factory=dict)


@dataclass(eq=False)
class Past:
    """Releases as they answered at earlier moments. What is loaded walks on to later moments without a new load."""

    here: Installation
    _held: OrderedDict[str, _Held] = field(default_factory=OrderedDict)
    _using: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def at(self, release: str, as_of: AsOf, left_out: Sequence[str] = ()) -> Iterator[Live]:
        """A release over the items as they stood, without the sources that were left out then.

        Nobody else moves it until the block is left. NotFound where the release or those items are no longer kept.
        What was deleted since, a moment ago too, is nameless.
        """
        with self._using:
            items = as_of.items
            must_be_kept(self.here.store, items)
            held = self._at(self._held.pop(release, None), release, items)
            held.live.catalogue.leave_unread(as_of.rows)
            self._held[release] = held
            if len(self._held) > HELD:
                self._held.popitem(last=False)
            missing = tuple(left_out)
            if missing not in held.corridors:  # what a source keeps beside it is made once
                held.corridors[missing] = _without(held.live.recommender, missing)
            yield replace(held.live, recommender=held.corridors[missing])

    def _at(self, held: _Held | None, release: str, items: int) -> _Held:
        """What is held walks on to that moment, and past what was deleted since; it never walks back."""
        newest = counted(self.here.store)
        if held is None or held.live.catalogue.as_of.items > items:
            return _Held(self.here.load(release, items), newest)
        catalogue, stands = held.live.catalogue, held.live.catalogue.as_of.items
        if stands < items or held.read < newest:
            found = steps(self.here.store, stands, items, held.read)
            catalogue.follow(found.items, found.gone, items)
        return replace(held, read=newest)


def runs_of(as_of: AsOf) -> Runs | None:
    """What the log keeps of whose words were unread; None: too much to keep, so that such a list never comes again."""
    return as_of.unread if len(as_of.unread) <= RUNS else None


def began(found: Impression) -> AsOf:
    """How items stood when a list began, or NotFound where its line does not say it."""
    return _as_of(found.body["moment"]["items"], found.body["moment"].get("unread", ()))


def ended(found: Impression) -> AsOf:
    """How they stood when it was made."""
    return _as_of(found.body["items_after"], found.body.get("unread_after", ()))


def _as_of(items: int, unread: Sequence[Sequence[int]] | None) -> AsOf:
    if unread is None:
        raise NotFound("the items of that moment", "a line that names those not read", "too many were being read")
    return AsOf(items, tuple((first, end) for first, end in unread))


_printed: WeakKeyDictionary[History, tuple[Rows, Rows, str]] = WeakKeyDictionary()  # with what was before it


def past_print(query: Query) -> str:
    """16 hexadecimal digits that are others as soon as one bit of what the person did is another."""
    met, unwanted, found = _printed.get(query.history, (None, None, ""))
    if met is not query.met or unwanted is not query.unwanted or len(query.blocked):
        found = _print(query)
        _printed[query.history] = query.met, query.unwanted, found
    return found


def _print(query: Query) -> str:
    then = query.history
    print_ = hashlib.blake2b("\0".join(then.types).encode(), digest_size=8)
    for column in (then.rows, then.weights, then.times, then.actions, then.values, query.met):
        print_.update(np.ascontiguousarray(column).tobytes())
    for further in (np.setdiff1d(query.unwanted, then.rows_of(LESS)), query.blocked):  # few have any
        if len(further):
            print_.update(b"less" + np.ascontiguousarray(further).tobytes())
    return print_.hexdigest()


def _without(recommender: Recommender, names: Sequence[str]) -> Recommender:
    """The corridor as if these sources had failed, and no other: here nobody waits, so none is too slow."""
    asked = {
        name: (LeftOut if name in names else AtWork)(source.source, name, np.inf, source.near, source.newer)
        for name, source in recommender.retrievers.items()
        if isinstance(source, AtWork)
    }
    scorer, base = recommender.scorer, base_of(recommender.scorer)
    if isinstance(base, BlendAtWork):
        scorer = over(scorer, replace(base, sources={name: asked[name] for name in base.sources}))
    return replace(recommender, retrievers={**recommender.retrievers, **asked}, scorer=scorer)


class LeftOut(AtWork):
    """A source that a request went without."""

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Unavailable."""
        raise Unavailable(f"source {self.name}", "a source that this list had", "one that was left out")

    def at(self, query: Query, rows: Rows) -> Scores:
        """Nothing is added to any score, (n,)."""
        return np.zeros(len(rows))

    def contributions(self, query: Query, row: int) -> Evidence:
        """Nothing."""
        return NOTHING
