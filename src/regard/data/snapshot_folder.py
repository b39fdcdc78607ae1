"""A Dataset in a folder: events as .npy columns that are memory-mapped, people and items as Parquet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from regard.domain.arrays import Array
from regard.domain.dataset import Dataset
from regard.domain.errors import Conflict, InvalidInput, NotFound
from regard.domain.events import Events
from regard.domain.index import Index

EVENT_TYPES: dict[str, type[np.generic]] = {
    "user": np.int32,
    "item": np.int32,
    "time": np.float64,
    "type": np.int16,
    "value": np.float32,
    "weight": np.float32,
}
RARE_TYPES: dict[str, type[np.generic]] = {"slate": np.int64, "position": np.int32, "propensity": np.float32}
FORMAT = 1


def new_folder(folder: Path) -> None:
    """Make `folder`; Conflict where something stands in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Conflict("snapshot folder", "a new or empty folder", str(folder), "Give another one or empty it.")


def allocate(name: str, n: int, folder: Path | None) -> Array:
    """An empty event column of `n` values: in memory, or in its file in `folder`."""
    kind = {**EVENT_TYPES, **RARE_TYPES}[name]
    if folder is None or n == 0:  # an empty file cannot be mapped
        return np.empty(n, kind)
    return np.lib.format.open_memmap(folder / f"event.{name}.npy", "w+", np.dtype(kind), (n,))


def save_snapshot(data: Dataset, folder: Path) -> None:
    """Write the whole of `data` into a new or empty folder."""
    new_folder(folder)
    for name, column in data.events.columns().items():
        np.save(folder / f"event.{name}.npy", column, allow_pickle=False)
    save_tables(data, folder)


def save_tables(data: Dataset, folder: Path) -> None:
    """Write everything but the event columns that already lie there."""
    events = data.events
    for name, column in events.columns().items():
        path = folder / f"event.{name}.npy"
        if isinstance(column, np.memmap):
            column.flush()
        elif not path.exists():
            np.save(path, column, allow_pickle=False)
    np.save(folder / "offsets.npy", events.offsets, allow_pickle=False)
    for place, vectors in enumerate(data.vectors.values()):
        np.save(folder / f"vectors.{place}.npy", vectors, allow_pickle=False)
    for kind, index, table in (("user", data.users, data.user_attributes), ("item", data.items, data.item_attributes)):
        ids = pa.table({"id": pa.array(list(index), pa.string())})
        pq.write_table(ids, folder / f"{kind}s.parquet")
        pq.write_table(table, folder / f"{kind}_attributes.parquet")
    if events.context is not None:
        pq.write_table(events.context, folder / "context.parquet")
    about = {
        "format": FORMAT,
        "at": data.at,
        "types": events.types,
        "slates": events.slates,
        "columns": sorted(events.columns()),
        "vectors": list(data.vectors),
    }
    (folder / "snapshot.json").write_text(json.dumps(about), "utf-8")  # last: its presence says that all is there


def load_snapshot(folder: Path, mmap: bool = True) -> Dataset:
    """The Dataset of a folder that `save_snapshot` or `snapshot(..., folder)` wrote; event columns memory-mapped."""
    about = _about(folder)

    def column(name: str) -> Array:
        path = folder / f"{name}.npy"
        try:
            array: Array = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InvalidInput(str(path), "an array that Regard wrote", str(error)) from error
        return array

    context = folder / "context.parquet"
    events = Events(
        **{name: column(f"event.{name}") for name in about["columns"]},
        offsets=np.asarray(column("offsets")),
        types=tuple(about["types"]),
        slates=tuple(about["slates"]),
        context=pq.read_table(context) if context.exists() else None,
    )
    users, items = (
        Index(kind, pq.read_table(folder / f"{kind}s.parquet").column("id").to_pylist()) for kind in ("user", "item")
    )
    said, told = (pq.read_table(folder / f"{kind}_attributes.parquet") for kind in ("user", "item"))
    vectors = {name: column(f"vectors.{place}") for place, name in enumerate(about["vectors"])}
    return Dataset(users, items, events, said, told, vectors, about["at"])


def _about(folder: Path) -> dict[str, Any]:
    path = folder / "snapshot.json"
    if not path.exists():
        raise NotFound("snapshot", "a folder that a snapshot was written into", str(folder))
    about: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if about.get("format") != FORMAT:
        raise InvalidInput(str(path), f"format {FORMAT}", repr(about.get("format")), "Write the snapshot again.")
    return about
