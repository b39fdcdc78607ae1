"""A cache on disk of content vectors: append-only files that many processes may write and a crash cannot spoil."""

from __future__ import annotations

import hashlib
import threading
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Vectors
from regard.domain.records import Item
from regard.domain.run import Progress, silent
from regard.models.text import TextEncoder, item_text

KEY = np.dtype([("key", "V32"), ("check", "<u4")])  # sha256 of the content, CRC-32 of its vector


class VectorLog:
    """Vectors by content hash, one folder per encoder identity.

    Each writer appends to a pair of files of its own, NAME.keys (36 bytes a row) and NAME.WIDTH.vectors, vectors
    first: a torn tail is a row without a key and is not read; a vector that fails its checksum counts as missing. So
    processes need no lock, and a lost file costs only its encoding again.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder / hashlib.sha256(identity.encode()).hexdigest()[:24]
        self._place: dict[bytes, tuple[Path, int]] = {}  # key -> (file, row)
        self._files: dict[Path, NDArray[np.float32]] = {}
        self._checks: dict[Path, NDArray[np.uint32]] = {}
        self._lock = threading.Lock()
        self._name = uuid.uuid4().hex
        self._grown: Path | None = None  # our own file, where it has rows that we have not opened
        self.width: int | None = None
        for path in sorted(self.folder.glob("*.vectors")):
            self._open(path)

    def _open(self, path: Path) -> None:
        name, width, _ = path.name.split(".")
        keys = path.with_name(f"{name}.keys")
        row = 4 * int(width)
        whole = min(keys.stat().st_size // KEY.itemsize if keys.exists() else 0, path.stat().st_size // row)
        if whole == 0:
            return
        held = np.fromfile(keys, KEY, whole)
        self.width = int(width)
        known = len(self._checks.get(path, ()))  # of a file that has grown: one mapping a file, in a server that stays
        self._files[path] = np.memmap(path, np.float32, "r", shape=(whole, self.width))
        self._checks[path] = held["check"]
        self._place |= {key.tobytes(): (path, place) for place, key in enumerate(held["key"][known:], known)}

    def __len__(self) -> int:
        return len(self._place)

    def read(self, keys: Sequence[bytes]) -> tuple[Vectors, Mask]:
        """The vectors of `keys` (n, d), and which of them we hold, (n,)."""
        with self._lock:
            if self._grown is not None:
                self._open(self._grown)
            self._grown, width = None, self.width or 0
        held = np.zeros(len(keys), bool)
        found = np.zeros((len(keys), width), np.float32)
        for n, key in enumerate(keys):
            file, row = self._place.get(key, (None, -1))
            if file is not None and width:  # else the first of all came while we looked
                found[n] = self._files[file][row]
                held[n] = zlib.crc32(found[n].tobytes()) == self._checks[file][row]
        found[~held] = 0
        return found, held

    def append(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep vectors (n, d) under their keys, here and on disk, for the next opening."""
        rows = np.ascontiguousarray(vectors, np.float32)
        records = np.zeros(len(keys), KEY)
        for n, key in enumerate(keys):
            records[n] = (key, zlib.crc32(rows[n].tobytes()))
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            for suffix, content in ((f"{rows.shape[1]}.vectors", rows.tobytes()), ("keys", records.tobytes())):
                with (self.folder / f"{self._name}.{suffix}").open("ab") as file:
                    file.write(content)
            self._grown = self.folder / f"{self._name}.{rows.shape[1]}.vectors"


@dataclass(frozen=True)
class Cached:
    """Encoder[Item]: the same encoder with its answers kept in `folder`, by the hash of the text.

    A second run encodes nothing and loads no model; a run that was killed goes on where its last batch ended.
    """

    encoder: TextEncoder
    folder: Path

    @property
    def name(self) -> str:
        """The name of the encoder inside."""
        return self.encoder.name

    @property
    def attributes(self) -> tuple[str, ...]:
        """What the encoder inside reads beside the named columns."""
        return self.encoder.attributes

    @cached_property
    def log(self) -> VectorLog:
        """What is kept."""
        return VectorLog(self.folder, self.encoder.identity)

    def encode(self, entities: Sequence[Item]) -> Vectors:
        """The vectors of items, (n,) -> (n, d)."""
        return self.encode_texts([item_text(item, self.attributes) for item in entities])

    def recall(self, entities: Sequence[Item]) -> tuple[Vectors, Mask]:
        """The vectors of items (n, d) as far as they are kept, and of whom that is so, (n,); the model is not asked."""
        cut, keys = self._keys([item_text(item, self.attributes) for item in entities])
        found, held = self.log.read(keys)
        return found, held | np.array([not text for text in cut], np.bool_)

    def warm(self) -> None:
        """Have the model ready, so that the first new text need not wait for it."""
        self.encoder.embed(["ready"])

    def encode_texts(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """The vectors of texts, (n,) -> (n, d); only new texts reach the model, and are kept batch by batch."""
        cut, keys = self._keys(texts)
        found, held = self.log.read(keys)
        new = {key: text for key, text, have in zip(keys, cut, held, strict=True) if text and not have}
        if new:
            vectors = self._learn(list(new), list(new.values()), progress)
            known = {key: row for row, key in enumerate(new)}
            found = found if found.shape[1] else np.zeros((len(keys), vectors.shape[1]), np.float32)
            missing = [n for n, key in enumerate(keys) if key in known]
            found[missing] = vectors[[known[keys[n]] for n in missing]]
        return found if found.shape[1] else np.zeros((len(keys), self.encoder.width), np.float32)

    def _keys(self, texts: Sequence[str]) -> tuple[list[str], list[bytes]]:
        cut = [self.encoder.cut(text) for text in texts]
        return cut, [hashlib.sha256(text.encode()).digest() for text in cut]

    def _learn(self, keys: list[bytes], texts: list[str], progress: Progress) -> Vectors:
        order = sorted(range(len(texts)), key=lambda n: (len(texts[n]), texts[n]))  # like lengths: little padding
        parts = []
        for start in range(0, len(order), self.encoder.batch):
            chosen = order[start : start + self.encoder.batch]
            parts.append(self.encoder.encode_texts([texts[n] for n in chosen]))
            self.log.append([keys[n] for n in chosen], parts[-1])
            progress(f"encode text ({self.name})", (start + len(chosen)) / len(order))
        return np.asarray(np.concatenate(parts)[np.argsort(order)])
