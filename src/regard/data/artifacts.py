"""Fitted arrays with their recipe and checksums, in a folder of .npy files and one manifest; never pickle."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from regard.domain.arrays import Array
from regard.domain.errors import Conflict, InvalidInput, NotFound, Unavailable

MANIFEST = "manifest.json"
FORMAT = 1
OURS = re.compile(r"\d{3,}\.npy|part\d{3,}")  # the names that a manifest may give: nothing outside its folder


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """What a fitted thing is made of: its kind, the recipe that made it, its arrays by name, and its parts.

    Arrays hold numbers, truths or unicode text, never objects. The recipe is plain JSON (tuples come back as lists).
    """

    kind: str
    recipe: Mapping[str, Any]
    arrays: Mapping[str, Array] = field(default_factory=dict)
    parts: Mapping[str, Artifact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, array in self.arrays.items():
            if array.dtype.hasobject:
                hint = "Keep texts as a unicode array: np.array(texts, str)."
                raise InvalidInput(f"Artifact({self.kind}).{name}", "numbers or unicode text", "objects", hint)


def save(artifact: Artifact, folder: Path) -> None:
    """Write `artifact` to `folder` as a whole or not at all; an artifact that stands there is replaced.

    Every file is on disk before the folder takes its place. Conflict where `folder` holds something else.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise Conflict("artifact folder", "an artifact or an empty folder", str(folder), "Choose another folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise Unavailable("artifact folder", "a folder that can be written", str(error)) from error
    try:
        _write(artifact, fresh)
        fresh.chmod(0o755)
        _swap(fresh, folder)
    except OSError as error:
        raise Unavailable("artifact folder", "room and rights to write", str(error)) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def load(folder: Path, mmap: bool = False) -> Artifact:
    """The artifact of `folder`, each file checked against its sum; InvalidInput names a damaged one.

    With `mmap` arrays stay on disk and are read as needed (they are still checked once).
    """
    return _read(Path(folder), mmap)


def sparse_arrays(name: str, matrix: sparse.csr_array) -> dict[str, Array]:
    """A sparse matrix as plain arrays: `name.data`, `name.indices`, `name.indptr`, `name.shape`."""
    rows = sparse.csr_array(matrix)
    return {
        f"{name}.data": rows.data,
        f"{name}.indices": rows.indices,
        f"{name}.indptr": rows.indptr,
        f"{name}.shape": np.array(rows.shape, np.int64),
    }


def sparse_matrix(name: str, arrays: Mapping[str, Array]) -> sparse.csr_array:
    """The sparse matrix that `sparse_arrays` took apart."""
    data, indices, indptr, shape = (arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr", "shape"))
    return sparse.csr_array((data, indices, indptr), shape=(int(shape[0]), int(shape[1])))


def _write(artifact: Artifact, folder: Path) -> None:
    files: dict[str, dict[str, str]] = {}
    for place, (name, array) in enumerate(artifact.arrays.items()):
        path = folder / f"{place:03d}.npy"
        with path.open("wb") as file:
            np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
            _to_disk(file.fileno())
        files[path.name] = {"array": name, "sha256": _sum(path)}
    for place, (name, part) in enumerate(artifact.parts.items()):
        inside = folder / f"part{place:03d}"
        inside.mkdir()
        _write(part, inside)
        files[inside.name] = {"part": name, "sha256": _sum(inside / MANIFEST)}
    about = {"format": FORMAT, "kind": artifact.kind, "recipe": _plain(artifact.recipe), "files": files}
    with (folder / MANIFEST).open("w", encoding="utf-8") as manifest:
        json.dump({**about, "sha256": _own_sum(about)}, manifest, indent=1, ensure_ascii=False, allow_nan=True)
        manifest.flush()
        _to_disk(manifest.fileno())


def _read(folder: Path, mmap: bool) -> Artifact:
    about = _manifest(folder / MANIFEST)
    arrays: dict[str, Array] = {}
    parts: dict[str, Artifact] = {}
    for file, entry in about["files"].items():
        if not OURS.fullmatch(file):
            raise InvalidInput(str(folder / MANIFEST), "names of files beside it", repr(file), "Do not trust it.")
        path = folder / file
        checked = path / MANIFEST if "part" in entry else path
        if not checked.exists():
            raise InvalidInput(
                str(checked), "a file of this artifact", "nothing", "Restore it from a copy or fit again."
            )
        if _sum(checked) != entry["sha256"]:
            raise InvalidInput(
                str(checked), f"sha256 {entry['sha256'][:12]}…", "other bytes", "Restore it or fit again."
            )
        if "part" in entry:
            parts[entry["part"]] = _read(path, mmap)
        else:
            arrays[entry["array"]] = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    return Artifact(about["kind"], about["recipe"], arrays, parts)


def _manifest(path: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(path.read_text("utf-8"))
        known = about.pop("sha256")
    except FileNotFoundError as error:
        raise NotFound("artifact", "a folder with a manifest.json", str(path.parent)) from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InvalidInput(str(path), "the manifest of an artifact", str(error), "Restore it or fit again.") from error
    if known != _own_sum(about):
        raise InvalidInput(str(path), f"sha256 {str(known)[:12]}…", "other bytes", "Restore it or fit again.")
    if about["format"] != FORMAT:
        raise InvalidInput(
            str(path), f"format {FORMAT}", repr(about["format"]), "Use the release of Regard that wrote it."
        )
    return about


def _plain(recipe: Mapping[str, Any]) -> Any:
    try:
        return json.loads(json.dumps(dict(recipe)))
    except (TypeError, ValueError) as error:
        raise InvalidInput("Artifact.recipe", "plain JSON", str(error)) from error


def _own_sum(about: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _swap(fresh: Path, folder: Path) -> None:
    """The new folder takes the old one's place by two renames; a crash between them leaves the old one beside it."""
    old = None
    if folder.exists():
        old = fresh.with_name(fresh.name + ".old")
        folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        if old is not None:
            old.rename(folder)
        raise
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _to_disk(descriptor: int) -> None:
    os.fsync(descriptor)
