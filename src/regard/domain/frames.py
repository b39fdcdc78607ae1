"""Tables that people hold (Polars, pandas, Arrow), read as the parts of a Dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from regard.domain.errors import InvalidInput
from regard.domain.events import Events, sorted_events
from regard.domain.index import Index

COLUMNS = {  # the names under which people keep these columns
    "user": ("user", "user_id", "userid", "userId", "USER_ID", "uid"),
    "item": ("item", "item_id", "itemid", "itemId", "movieId", "ITEM_ID", "iid"),
    "time": ("time", "timestamp", "TIMESTAMP", "datetime", "ts"),
    "value": ("value", "rating", "EVENT_VALUE", "score"),
    "type": ("type", "event", "event_type", "EVENT_TYPE"),
}
ENDS = ("valid_from", "valid_until")  # of items: moments


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Events, people and items as read, row-mapped."""

    users: Index
    items: Index
    events: Events
    user_attributes: pa.Table
    item_attributes: pa.Table


def read_frame(frame: Any, items: Any, users: Any) -> Frames:
    """The work of `Dataset.from_frame`: names understood, ids mapped to rows, bad numbers refused with their row."""
    events = _named(_polars("frame", frame))
    for needed in ("user", "item"):
        if needed not in events.columns:
            raise InvalidInput("frame", f"a column {needed!r}", f"columns {events.columns}", "Rename it first.")
        events = events.with_columns(pl.col(needed).cast(pl.String))
    if events["user"].null_count() or events["item"].null_count():
        raise InvalidInput("frame", "a user and an item in each row", "rows without one", "Drop those rows first.")
    item_ids, item_table = _entities(events["item"], items, "item")
    user_ids, user_table = _entities(events["user"], users, "user")
    codes, types = _types(events)
    values = _numbers(events, "value", 1.0).astype(np.float32)
    columns = sorted_events(
        n_users=len(user_ids),
        user=user_ids.rows(events["user"]),
        item=item_ids.rows(events["item"]),
        time=_times(events),
        types=types,
        type=codes,
        value=values,
    )
    return Frames(user_ids, item_ids, columns, user_table, item_table)


def _polars(where: str, frame: Any) -> pl.DataFrame:
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pa.Table):
        return pl.DataFrame(pl.from_arrow(frame))
    if type(frame).__module__.startswith("pandas"):
        return pl.DataFrame(pl.from_pandas(frame))
    raise InvalidInput(where, "a Polars, pandas or Arrow table", type(frame).__name__)


def _named(frame: pl.DataFrame) -> pl.DataFrame:
    renames = {}
    for ours, theirs in COLUMNS.items():
        found = next((name for name in theirs if name in frame.columns), None)
        if found is not None:
            renames[found] = ours
    return frame.rename(renames)


def _entities(seen: pl.Series, given: Any, kind: str) -> tuple[Index, pa.Table]:
    ids = seen.unique(maintain_order=True)
    if given is None:
        return Index(kind, ids.to_list()), pa.table({})
    table = _polars(f"{kind}s", given)
    key = next((name for name in ("id", *COLUMNS[kind]) if name in table.columns), None)
    if key is None:
        raise InvalidInput(f"{kind}s", "a column 'id'", f"columns {table.columns}")
    ends = [name for name in ENDS if name in table.columns and table[name].dtype.is_temporal()]
    table = table.with_columns(pl.col(key).cast(pl.String), *(_seconds(table[name]) for name in ends))
    table = table.rename({key: "id"})
    everyone = pl.concat([table["id"], ids]).unique(maintain_order=True)
    aligned = pl.DataFrame({"id": everyone}).join(table, on="id", how="left", maintain_order="left")
    return Index(kind, aligned["id"].to_list()), aligned.drop("id").to_arrow()


def _types(events: pl.DataFrame) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    if "type" not in events.columns:
        name = "rating" if "value" in events.columns else "view"
        return np.zeros(len(events), np.int16), (name,)
    names = events["type"].cast(pl.String).fill_null("view")
    types = Index("event type", sorted(names.unique()))
    return types.rows(names).astype(np.int16), tuple(types)


def _numbers(events: pl.DataFrame, name: str, default: float) -> NDArray[np.float64]:
    if name not in events.columns:
        return np.full(len(events), default)
    numbers = events[name].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise InvalidInput(f"frame[{row}].{name}", "a finite number", repr(events[name][row]), "Drop or mend the row.")
    return np.asarray(numbers, np.float64)


def _times(events: pl.DataFrame) -> NDArray[np.float64]:
    if "time" in events.columns and events["time"].dtype.is_temporal():
        events = events.with_columns(_seconds(events["time"]))
    return _numbers(events, "time", 0.0)


def _seconds(moments: pl.Series) -> pl.Series:
    """Dates and moments, without a zone those of UTC, as unix seconds."""
    return moments.cast(pl.Datetime("us")).dt.epoch("us") / 1e6
