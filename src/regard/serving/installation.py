"""Installation: one tenant's store, releases and live corridor; nothing global."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Literal, Self

import numpy as np
from threadpoolctl import threadpool_limits

from regard.data.catalogue import FORGOTTEN
from regard.data.cleaning_report import ImportReport
from regard.data.importing import ImportOptions, import_paths
from regard.data.item_changes import item_rows
from regard.data.moving import export_store, import_store
from regard.data.postgres import Store
from regard.data.snapshot import snapshot
from regard.domain.dataset import Dataset
from regard.domain.decisions import Release
from regard.domain.errors import Conflict, InvalidInput, NotFound
from regard.domain.request import UNKNOWN, History, Query
from regard.domain.run import Progress, Run, silent
from regard.domain.weights import weigh
from regard.feedback.releases import Releases
from regard.models.text import encode_dataset
from regard.recommending.indexes import pin_threads
from regard.recommending.recommender import Asks, one_by_one
from regard.serving import releasing, wiring
from regard.serving.session import AHEAD
from regard.serving.settings import TOML, Settings, now, toml_of
from regard.serving.shelf import Shelf
from regard.serving.side_by_side import SideBySide
from regard.serving.tuned import Tune

SEARCHED = 20_000  # titles among which a mistyped one is looked for
MAPPED = 5_000_000  # events from which on a snapshot lies on disk: below, its arrays are at most 130 MB
LOADING = 300.0  # seconds that the store may take to say a million items
BEFORE_EVENTS = -1e18  # unix seconds: a snapshot of people and items alone


def limit_threads(threads: int) -> None:
    """At most so many threads of BLAS, OpenMP and faiss in this process from now on; 0 leaves them alone."""
    if threads:
        pin_threads(threads)
        threadpool_limits(threads)


@dataclass(frozen=True, slots=True)
class Moved:
    """What an export holds, or what of it came over: the rows of each table, and regard.toml.

    kept: the place where it was moved in has another one, which stays. none: there is none in the export.
    """

    tables: Mapping[str, int]
    settings: Literal["moved", "kept", "none"]


@dataclass(frozen=True, eq=False)
class Installation(Shelf):
    """Everything of one tenant. Open it, use it in `with`; the embedded server stops with its last user."""

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the store (started if it is the embedded one) and find the releases; hold the threads to the setting."""
        limit_threads(settings.threads)
        releases = Releases(settings.folder / settings.tenant / "releases")
        return cls(settings, Store.open(settings.store, settings.tenant), releases)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.store.close()

    def take_in(
        self, paths: Sequence[Path], tell: Progress = silent, options: ImportOptions | None = None
    ) -> ImportReport:
        """Import files or folders of any known layout."""
        return import_paths(paths, self.store, progress=tell, now=now(), options=options)

    def export(self, folder: Path) -> Moved:
        """Everything into a new folder: store, releases, what the policy has known, regard.toml where there is one."""
        toml = toml_of(self.settings.folder)
        manifest = export_store(self.store, folder, [] if toml is None else [toml])
        for ours in (self.releases.folder, self.pictures.folder):
            if ours.is_dir():
                shutil.copytree(ours, folder / ours.name)
        rows = {name: table["rows"] for name, table in manifest["tables"].items()}
        return Moved(rows, "moved" if toml else "none")

    def move_in(self, folder: Path) -> Moved:
        """Everything of an export into this installation, which must be empty; its own regard.toml stays."""
        if self.releases.names():
            raise Conflict("releases", "none yet", f"{len(self.releases.names())}", "Give another folder or tenant.")
        rows = import_store(self.store, folder)
        for ours in (self.releases.folder, self.pictures.folder):
            if (folder / ours.name).is_dir():
                shutil.copytree(folder / ours.name, ours, dirs_exist_ok=True)
        came, here = folder / TOML, self.settings.folder / TOML
        if not came.is_file():
            return Moved(rows, "none")
        if here.exists():
            return Moved(rows, "kept")
        here.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(came, here)
        return Moved(rows, "moved")

    def dataset(self, tell: Progress = silent) -> Dataset:
        """All that the store knows now, with content vectors of the items (see `everybody`)."""
        data = self.everybody()
        if not len(data.events):
            raise InvalidInput("fit", "events that have happened", "none", "Import some first: regard import PATH")
        return self.encoded(data, tell)

    def everybody(self) -> Dataset:
        """All that the store knows now, without content vectors; it is as of its newest event.

        What is dated later than a clock may run ahead has not happened yet. In memory; where there are many
        events, in files that stay mapped although they have lost their names.
        """
        until = now() + AHEAD
        if self.store.counts()["events"] < MAPPED:
            data = snapshot(self.store, at=until)
        else:
            with TemporaryDirectory(prefix=".snapshot-", dir=self.settings.folder, ignore_cleanup_errors=True) as here:
                data = snapshot(self.store, Path(here), until)
        return replace(data, at=float(data.events.time.max(initial=0.0)))

    def encoded(self, data: Dataset, tell: Progress = silent) -> Dataset:
        """The same data with the items' text vectors, from the cache where the words are known."""
        return encode_dataset(data, self.encoder, tell)

    def fit(
        self,
        data: Dataset,
        run: Run,
        who: str = "regard fit",
        judge: releasing.Judging | None = None,
        tune: Tune | None = None,
    ) -> Release:
        """Fit all sources and their blend on `data` and write the release; live where its gate holds, else refused."""
        row = releasing.make(self, data, run, judge, tune)
        if row.state == "candidate":
            self.promote(row.name, who)
        return self.releases.get(row.name)

    def promote(self, name: str, who: str) -> None:
        """Approve a release as `who` and make it the live one; Conflict where its gate does not hold."""
        releasing.promote(self, name, who)

    @cached_property
    def live(self) -> wiring.Live:
        """The live release, loaded."""
        return self.load()

    def serve(self, live: wiring.Live) -> wiring.Live:
        """Answer with this release from now on."""
        self.__dict__["live"] = live
        return live

    @cached_property
    def _helpers(self) -> Asks:
        return SideBySide(self.settings.helpers) if self.settings.helpers else one_by_one

    def load(self, name: str | None = None, items_at: int | None = None, hurried: bool = False) -> wiring.Live:
        """The live release (or another one), read anew, over the items as they are now, or were at that change.

        Where people wait for its lists (`hurried`), its sources are asked side by side, and each is waited for as long
        as the settings say.
        """
        release = self.releases.get(name) if name else self.releases.live()
        if release is None:
            raise NotFound("release", "a live release", "none yet", "Fit one first: regard fit")
        with self.store.within(LOADING):
            items = snapshot(self.store, at=BEFORE_EVENTS, items_at=items_at)
        today = self.encoded(items)
        data = self.releases.data(release)
        pairs = zip(today.items.ids, data.items.ids, strict=False)
        if any(now_ != then and now_ != FORGOTTEN.format(row) for row, (now_, then) in enumerate(pairs)):
            where, hint = f"release {release.name}", "Fit one on it: regard fit. Or choose its own store or folder."
            raise Conflict(where, "a release that was fitted on this store", "one of another store", hint)
        budget = self.settings.budget if hurried else np.inf
        live = wiring.assembled(release, self.scorer(release.name), data, today, self.encoder, budget)
        if hurried:
            live = replace(live, recommender=replace(live.recommender, asks=self._helpers))
        newer = range(len(data.items), len(live.catalogue))
        said = item_rows(self.store, newer, items_at)  # as who follows hears them: the columns of `today` are typed
        live.catalogue.follow(said, (), items_at or 0)
        live.catalogue.read()
        live.read(newer)
        return live

    def query(self, user: str, k: int = 10) -> Query:
        """A request of one person at this moment, with all they did until now."""
        row, person = self.store.user(user)
        tail = self.store.events_of(row)
        types = tuple(sorted(set(tail.types)))
        codes = np.array([types.index(name) for name in tail.types], np.int64)
        weights = weigh(types, codes, tail.values, self.store.event_weights())
        known = row if row < len(self.live.data.users) else UNKNOWN
        history = History(tail.rows, weights, tail.times, codes, np.asarray(tail.values, np.float32), types)
        return Query(now(), k, known, history, person.attributes, language=self.settings.language)

    def item(self, text: str) -> int:
        """The row of an item by its id, or by its title where only one bears it."""
        catalogue = self.live.catalogue
        if text in catalogue:
            return catalogue.row(text)
        titles = [title.casefold() for title in catalogue.titles]
        rows = [row for row, title in enumerate(titles) if title == text.casefold()]
        if len(rows) == 1:
            return rows[0]
        alike = rows or [titles.index(near) for near in get_close_matches(text.casefold(), titles[:SEARCHED], n=3)]
        named = ", ".join(f"{catalogue.id(row)} ({catalogue.titles[row]})" for row in alike[:5])
        expected = "an id, or a title that one item bears" if rows else f"id or title of one of {len(titles)} items"
        raise NotFound("item id", expected, repr(text), f"Did you mean {named}?" if named else "")
