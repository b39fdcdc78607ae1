"""Labels: events that are right or wrong, what a model may know when it gives their chances, and their benchmark."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.benchmark import Peer, below
from regard.domain.arrays import Mask
from regard.domain.dataset import Dataset
from regard.domain.protocols import Estimator
from regard.domain.weights import EventWeight
from regard.measurement.splits import TEST, TRAIN, UNUSED, VALIDATION, Split

PARTS: Mapping[str, int] = {"train": TRAIN, "valid": VALIDATION, "test": TEST, "unused": UNUSED}


class GivesChances(Protocol):
    """A fitted model that says how likely events are to be positive."""

    def chances(self, data: Dataset) -> NDArray[np.floating]:
        """P(positive) of each event of `data` in its order, (n,), from the event's context, the attributes of its
        person and item, and what that person did before it."""
        ...


Judges: TypeAlias = Mapping[str, Estimator[GivesChances]]


@dataclass(frozen=True)
class LabelBenchmark:
    """What is measured: AUC, log-loss and accuracy of the chances of the test events of `load(folder, seed)`.

    An event is positive where its weight is > 0. recipes: ours, by name; they get the validation events as
    `Run.validation`. seeds: one fit each; the split may depend on them too. against: the peer that every model is
    paired with, seed by seed. peers_read: item attributes that peers read as words, beside ids and the whole context.
    """

    dataset: str
    protocol: str
    folder: str
    load: Callable[[Path, int], Split]
    recipes: Callable[[], Judges]
    peers: tuple[Peer, ...]
    seeds: tuple[int, ...]
    against: str
    peers_read: tuple[str, ...] = ()
    threads: int = 1

    def where(self, data: Path) -> Path:
        """The data set's own folder: `data` itself, or below it."""
        return below(data, self.folder)


def labelled(events: pl.DataFrame, context: Sequence[str], name: str, **tables: Any) -> Split:
    """A split from a table of user, item, time, type, value, part ("train", "valid", "test", "unused") and contexts.

    `tables`: `items` as `Dataset.from_frame` takes them, and `weights`, which decide who is positive.
    """
    people = events.select(id=pl.col("user").cast(pl.String)).unique(maintain_order=True)
    place = people.with_row_index("place").rename({"id": "user"})
    ordered = (
        events.with_columns(pl.col("user", "item").cast(pl.String))
        .join(place, on="user", maintain_order="left")
        .sort("place", "time", maintain_order=True)  # as Events are, so that every column keeps its event
    )
    core = ordered.select("user", "item", "time", "type", "value")
    weights: tuple[EventWeight, ...] = tables.pop("weights")
    data = Dataset.from_frame(core, users=people, weights=weights, **tables)
    if context:
        data = replace(data, events=replace(data.events, context=ordered.select(context).to_arrow()))
    part = np.array([PARTS[word] for word in ordered["part"]], np.int8)
    return Split(data, part, name)


def labels_of(data: Dataset) -> NDArray[np.int8]:
    """1 for an event of positive weight, else 0, (n,)."""
    return np.asarray(data.events.weight > 0, np.int8)


def questions(split: Split) -> tuple[Dataset, Mask]:
    """The train events and the test events, and which of them are asked for, (n,).

    What is asked for has lost its answer: weight 0 and value 0. So it teaches nothing about the events after it, and a
    model whose past is what has a positive weight sees train alone.
    """
    kept = np.isin(split.part, (TRAIN, TEST))
    data, asked = split.data.where(kept), split.part[kept] == TEST
    e = data.events
    weight = np.where(asked, 0, e.weight).astype(np.float32)
    value = np.where(asked, 0, e.value).astype(np.float32)
    return replace(data, events=replace(e, weight=weight, value=value)), asked


def labels_sha256(split: Split) -> str:
    """The hash of the sorted (part, user id, item id, time, label, context) of all events that teach or judge."""
    data, e = split.data, split.data.events
    rows: list[Any] = [()] * len(e) if e.context is None else list(zip(*e.context.to_pydict().values(), strict=True))
    columns = (split.part, e.user, e.item, e.time, labels_of(data))
    lines = sorted(
        f"{part}\x1f{data.users[u]}\x1f{data.items[i]}\x1f{t:.6f}\x1f{label}\x1f{row!r}\n"
        for part, u, i, t, label, row in zip(*(column.tolist() for column in columns), rows, strict=True)
        if part != UNUSED
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def write_events(path: Path, split: Split, read: Sequence[str]) -> None:
    """All events for peers: `part`, `label`, and columns `token:NAME` (words) and `float:NAME` (numbers).

    Peers read ids, the whole context, and the item attributes `read` as words.
    """
    kept = split.part != UNUSED
    data = split.data.where(kept)
    e = data.events
    columns: dict[str, Any] = {"token:user_id": e.user, "token:item_id": e.item}
    for name in read:
        told = np.array([str(value) for value in data.item_column(name) or ()], str)
        columns[f"token:{name}"] = told[e.item]
    for name, values in (e.context.to_pydict() if e.context is not None else {}).items():
        numbers = isinstance(values[0], float)
        columns[f"float:{name}" if numbers else f"token:{name}"] = np.array(values, np.float64 if numbers else str)
    np.savez(path, part=split.part[kept], label=labels_of(data), **columns)
