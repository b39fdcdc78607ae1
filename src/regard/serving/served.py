"""Served: one tenant's installation at work in a serving process; every write and read of a request goes through it."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from regard.data.impression_log import Impression, ImpressionLog, Last
from regard.data.item_changes import counted, item_changes
from regard.data.keys import Role, digest, open_keys
from regard.data.tails import Ask, Happened, event_types, happened
from regard.domain.errors import NotFound, Unavailable
from regard.domain.records import Event
from regard.domain.weights import EventWeight
from regard.feedback.canary import gets_canary
from regard.feedback.pictures import Picture
from regard.serving import believing, releasing
from regard.serving.calls import Calls, append_each
from regard.serving.figures import Figures
from regard.serving.gathering import Gathering
from regard.serving.installation import LOADING, Installation
from regard.serving.past import Past
from regard.serving.reader import Reader
from regard.serving.session import Person, Sessions
from regard.serving.settling import settle
from regard.serving.together import MOST, Walk, Walked, walk
from regard.serving.tracing import OFF, Tracing
from regard.serving.wiring import Live

TOGETHER = 512  # calls of one kind in one transaction
PARTING = 5.0  # seconds that the end waits for the store
DURABLE = 10.0  # seconds that an event waits to be on disk
HELD, SHORTEST = 3.0, 3.0  # times its patience, and seconds at least, after which a dead connection is broken off
TURN, TURNS = 0.25, 8  # seconds and turns after which a listener to whom nothing was told looks by itself

log = structlog.get_logger("regard.served")


@dataclass(eq=False)
class Served:
    """What answers the requests of one tenant. `start` before the first one, `close` after the last.

    Its memory is a cache over the store: each request learns from the store which counters have grown since.
    """

    here: Installation
    sessions: Sessions = field(default_factory=Sessions)
    live: Live | None = None
    canary: Live | None = None  # on trial with `share` of the visits
    share: float = 0.0
    picture: Picture | None = None  # what the policy knows; None: nothing is tried
    keys: Mapping[bytes, tuple[str, Role]] = field(default_factory=dict)
    weights: Sequence[EventWeight] = ()
    types: Sequence[str] = ()
    seen: dict[str, int] = field(default_factory=dict)  # the counters that we have followed
    figures: Figures = field(default_factory=Figures)
    tracing: Tracing = OFF
    _items_upto: int = 0
    _behind: bool = False  # items could not be followed: the listener, which has more time, does it, and no list waits
    _loaded: tuple[Live, Live | None] | None = None  # the live one and the canary, without a policy
    _admitting: threading.Lock = field(default_factory=threading.Lock, repr=False)  # no key waits for an item
    _following: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _loading: threading.Lock = field(default_factory=threading.Lock, repr=False)  # no item waits for a release
    _stopping: threading.Event = field(default_factory=threading.Event, repr=False)

    def __post_init__(self) -> None:
        store, patience = self.here.store, self.here.settings.patience
        self.impressions, self.past = ImpressionLog(store), Past(self.here)
        quick, slow = (max(SHORTEST, HELD * waits) for waits in (patience, max(patience, DURABLE)))
        soon, late = store.within(quick), store.within(slow)
        self.read = Gathering[Ask, Happened](
            "read", soon(lambda asks: happened(store, asks)), TOGETHER, patience, lingers=True
        )
        self.append = Gathering[Sequence[Event], None](
            "events", late(partial(append_each, store)), TOGETHER, DURABLE, keeps=True
        )
        keep = soon(lambda lists: self.impressions.write(lists, patience / 2))  # one batch may wait for another
        self.impress = Gathering[Impression, bool]("lists", keep, TOGETHER, patience)
        self.recall = Gathering[str | Last, Impression]("recall", soon(self._recall), 1, patience)
        self.walk = Gathering[Walk, Walked]("corridor", walk, MOST, None, lingers=True)
        self.stored, self.traced, self._followed = (
            Calls(store, patience, held, threads, lambda: self.read(self.sessions.ask("")))
            for held, threads in ((slow, 4), (LOADING, 1), (quick, 1))
        )
        self.reader = Reader(store.tenant, self.here.encoder, self._lives, self._stopping)
        self._threads = [
            threading.Thread(target=target, name=f"regard-{name}", daemon=True)
            for name, target in (("listen", late(self._listen)), ("read", self.reader.run), ("watch", self._watch))
        ]

    @classmethod
    def at_rest(cls, here: Installation) -> Served:
        """One that knows the live release and all else, but listens to nobody; for commands that answer once."""
        served = cls(here)
        served.follow(happened(here.store, [Ask("")])[0].changes, load=True)
        return served

    def start(self) -> None:
        """Load what is live, and begin to listen; what regard.toml says of exploring holds from now on."""
        believing.begin(self.here)
        self.follow(happened(self.here.store, [Ask("")])[0].changes, load=True)
        settle()
        for thread in self._threads:
            thread.start()

    async def close(self) -> None:
        """Finish what was begun, the store last; it and the text encoder are waited for `PARTING` at most."""
        self._stopping.set()
        self.reader.wake()
        parting = asyncio.get_running_loop().call_later(PARTING, self.here.store.hang_up)
        for gathering in (self.read, self.append, self.impress, self.recall, self.walk):
            await gathering.close()
        await asyncio.gather(self.stored.close(), self.traced.close(), self._followed.close())
        for thread in self._threads:
            if thread.is_alive():
                await asyncio.to_thread(thread.join, 2 * PARTING)  # an encoder may be waited for in vain
        parting.cancel()
        gc.unfreeze()
        self.here.store.close()
        self.here.store.hang_up()  # requests that were given up may still wait in their threads

    async def person(self, user: str) -> tuple[Person, bool]:
        """This person as of now, and whether the store could be asked ("": nobody, but what changed is followed)."""
        try:
            told = await self.read(self.sessions.ask(user))
            followed = ("keys", "weights") if self._behind else ("items", "keys", "weights")
            if any(self.seen.get(what) != told.changes[what] for what in followed):
                await self._followed(self._keep_up, told.changes)
            if any(event[2] >= len(self.types) for event in told.events):
                self.types = await self._followed(event_types, self.here.store)
        except Unavailable:
            return self.sessions.known(user), False
        return self.sessions.observe(user, told), True

    async def caught_up(self, ids: Sequence[str]) -> None:
        """Follow what has changed, and wait for the words of these items, no longer than a list waits for the store."""
        await self.person("")
        await self.reader.done(ids, self.here.settings.patience)

    async def log(self, impression: Impression) -> bool:
        """Whether this list is now on disk."""
        try:
            return await self.impress(impression)
        except Unavailable:
            return False

    async def impression(self, recommendation: str | Last) -> Impression:
        """A list that was served, or NotFound; Unavailable where the store does not answer in time."""
        return await self.recall(recommendation)

    def caller(self, key: str) -> tuple[str, Role] | None:
        """Who holds this key, and what it may do."""
        return self.keys.get(digest(key))

    def follow(self, changes: Mapping[str, int], load: bool = False) -> None:
        """Bring keys, weights and items to where the store is; with `load`, the live release and its policy as well."""
        with self._admitting:
            self._follow_keys(changes)
        if load or not self._behind:
            self._follow_items(changes["items"])
        if load:
            with self._loading:
                if self.seen.get("releases") != changes["releases"]:
                    self._load()
                    self.seen["releases"] = changes["releases"]
                self._explore()

    def _lives(self) -> list[Live]:
        return [one for one in (self.live, self.canary) if one is not None]

    def answering(self, user: str, at: float) -> Live | None:
        """The release that answers this person in this visit; nobody known always gets the live one."""
        if (
            self.canary is not None
            and user
            and gets_canary(user, self.canary.release.name, self.share, at, self.here.rules.visit)
        ):
            return self.canary
        return self.live

    def promote(self, name: str, who: str) -> None:
        """Make a release the live one, here at once and elsewhere when they hear of it."""
        self.here.promote(name, who)
        self._hear()

    def roll_back(self, name: str, who: str, why: str) -> str:
        """Take a release back, here at once; the name of the one that is live."""
        _, live = releasing.roll_back(self.here, who, why, name)
        self._hear()
        return live

    def _hear(self) -> None:
        self.follow(happened(self.here.store, [Ask("")])[0].changes, load=True)

    def _keep_up(self, changes: Mapping[str, int], load: bool = False) -> None:
        """Follow; where that fails, what is held serves on, and the listener tries again."""
        try:
            self.follow(changes, load)
        except Exception as error:
            why = " ".join(str(error).split())[:200]
            if not self._stopping.is_set():  # else it was broken off by us
                log.warning("not followed", tenant=self.here.store.tenant, kind=type(error).__name__, error=why)

    def _follow_items(self, upto: int) -> None:
        with self._following:
            try:
                if self.live is not None and self._items_upto < upto:
                    self._items_upto = self._brought(self._items_upto, *self._lives())
            except Exception:
                self._behind = True
                raise
            self.seen["items"], self._behind = upto, False

    def _follow_keys(self, changes: Mapping[str, int]) -> None:
        store = self.here.store
        if self.seen.get("keys") != changes["keys"]:
            self.keys = open_keys(store)
            self.seen["keys"] = changes["keys"]
        if self.seen.get("weights") != changes["weights"]:
            self.weights, self.types = store.event_weights(), event_types(store)
            self.seen["weights"] = changes["weights"]

    def _brought(self, after: int, *releases: Live | None) -> int:
        """These releases with what changed of items after change number `after`; the number of the last change."""
        found = item_changes(self.here.store, after)
        for live in releases:
            if live is not None:
                live.catalogue.follow(found.items, found.gone, found.upto)
                unread = live.catalogue.unread  # which are read beside
                known = [row for row, _ in found.items if row not in unread]
                live.read(known[-TOGETHER:])  # of more, each when it is first proposed
        self.reader.wake()
        return found.upto

    def _load(self) -> None:
        """The live release beside the one that serves, then in its place; requests under way keep the old one."""
        upto, row = counted(self.here.store), self.here.promotions.canary()
        try:
            live = self.here.load(hurried=True)
            canary = None if row is None else self.here.load(row.name, hurried=True)
        except NotFound:
            return
        upto = self._brought(upto, live, canary)  # all that changed while it loaded, and no list waits
        with self._following:
            self._items_upto = self._brought(upto, live, canary)  # the little that changed since
            self._loaded, self.share = (self.here.serve(live), canary), 0.0 if row is None else row.share
            self._follow_picture()
        if any(thread.is_alive() for thread in self._threads):
            settle()
        log.info("release live", tenant=self.here.settings.tenant, release=live.release.name, canary=row and row.name)

    def _explore(self) -> None:
        """Follow the newest picture of what the policy knows."""
        if self.here.pictures.newest() != (self.picture and self.picture.name):
            self.picture = believing.newest_picture(self.here)
            self._follow_picture()

    def _follow_picture(self) -> None:
        if self._loaded is not None:
            live, canary = self._loaded
            self.live = live.exploring(self.picture)
            self.canary = None if canary is None else canary.exploring(self.picture)

    def _recall(self, names: list[str | Last]) -> list[Impression | Exception]:
        return [_recalled(self.impressions, name) for name in names]

    def _watch(self) -> None:
        """Break off what a dead connection holds, else it would be held for ever: nobody tells that it is dead."""
        while not self._stopping.wait(1.0):
            if broken := self.here.store.break_off():
                log.warning("connections broken off", tenant=self.here.store.tenant, connections=broken)

    def _listen(self) -> None:
        """Follow what others tell; a lost connection is made again, and nothing is missed, because counters tell."""
        store = self.here.store
        while not self._stopping.is_set():
            try:
                with store.listening() as hear:
                    while not self._stopping.is_set():
                        changes = happened(store, [Ask("")])[0].changes
                        with store.within(LOADING):
                            self._keep_up(changes, load=True)
                        any(hear(TURN) or self._stopping.is_set() for _ in range(TURNS))
            except Exception as error:  # nobody else starts this thread again
                if not self._stopping.is_set():
                    log.warning("not listening", tenant=store.tenant, error=" ".join(str(error).split())[:200])
                self._stopping.wait(0.5)


def _recalled(log: ImpressionLog, name: str | Last) -> Impression | NotFound:
    try:
        return log.last(name) if isinstance(name, Last) else log.get(name)
    except NotFound as error:  # the store has answered
        return error
