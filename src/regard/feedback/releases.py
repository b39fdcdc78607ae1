"""Releases: immutable folders of fitted parts, and a pointer to the one that is live."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from regard.data.artifacts import Artifact, load, save
from regard.data.snapshot_folder import load_snapshot, save_snapshot
from regard.domain.dataset import Dataset
from regard.domain.decisions import Release
from regard.domain.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class Releases:
    """The folder that holds them: `0001/`, `0002/`, ... each with release.json, model/ and data/; `live` names one.

    Where served lists have tuned the scorer over the model, it lies in tuned/ beside it.

    A release appears whole or not at all: it is written beside, then renamed; so is the pointer.
    """

    folder: Path

    def names(self) -> list[str]:
        """Every release, oldest first."""
        return sorted(p.name for p in self.folder.glob("[0-9]*") if (p / "release.json").is_file())

    def next_name(self) -> str:
        """The name that the next release will bear."""
        return f"{int((self.names() or ['0'])[-1]) + 1:04d}"

    def add(self, release: Release, model: Artifact, data: Dataset, tuned: Artifact | None = None) -> Release:
        """Write a release: the fitted `model`, what is `tuned` over it, and the snapshot that it was fitted on."""
        final = self.folder / release.name
        if final.exists():
            raise InvalidInput("release", "a new name", f"{release.name}, which exists", "Releases never change.")
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{release.name}.", dir=self.folder))
        save(model, draft / "model")
        if tuned is not None:
            save(tuned, draft / "tuned")
        save_snapshot(data, draft / "data")
        release = replace(release, checksums=_sums(draft))
        (draft / "release.json").write_text(json.dumps(asdict(release), indent=1, sort_keys=True), "utf-8")
        for file in sorted(draft.rglob("*"), reverse=True):
            _to_disk(file)
        draft.chmod(0o755)
        draft.rename(final)
        _to_disk(self.folder)
        return release

    def damaged(self, name: str) -> list[str]:
        """The files of a release that are not what they were when it was written, and those that came or went."""
        then, now = self.get(name).checksums, _sums(self.folder / name)
        return sorted(path for path in then.keys() | now.keys() if then and then.get(path) != now.get(path))

    def promote(self, name: str) -> None:
        """Make `name` the live one: the pointer alone. Whether it may be, `Promotions` decides."""
        self.get(name)
        pointer = self.folder / ".live.draft"
        pointer.write_text(name, "utf-8")
        _to_disk(pointer)
        pointer.replace(self.folder / "live")
        _to_disk(self.folder)

    def live(self) -> Release | None:
        """The live release, or None before the first."""
        pointer = self.folder / "live"
        return self.get(pointer.read_text("utf-8").strip()) if pointer.is_file() else None

    def get(self, name: str) -> Release:
        """One release by name."""
        path = self.folder / name / "release.json"
        if not path.is_file():
            raise NotFound("release", f"one of {self.names()}", repr(name), "Fit one first: regard fit")
        return Release(**json.loads(path.read_text("utf-8")))

    def model(self, release: Release) -> Artifact:
        """The fitted part, checksums verified."""
        return load(self.folder / release.name / "model")

    def tuned(self, release: Release) -> Artifact | None:
        """What is tuned over the fitted part, checksums verified; None where nothing is."""
        path = self.folder / release.name / "tuned"
        return load(path) if path.is_dir() else None

    def data(self, release: Release) -> Dataset:
        """The snapshot that it was fitted on, memory-mapped."""
        return load_snapshot(self.folder / release.name / "data")


def _sums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder` but release.json, by path."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "release.json"):
        with path.open("rb") as file:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of names, would survive a power cut."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
