"""Events: all that people did, as columns sorted by person and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from regard.domain.arrays import Array, Mask, check_finite, check_shape
from regard.domain.errors import InvalidInput
from regard.domain.request import History


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """n events sorted by (user, time); the events of user row u lie in offsets[u]:offsets[u+1], oldest first.

    user, item: rows; time: unix seconds; type: codes into `types`; value: as given; weight: what the table of event
    weights makes of it. slate (codes, -1 none), position (-1 none) and propensity (NaN unknown) of the answer that the
    event followed; `context`: an Arrow table of n rows, or None. Columns may be memory-mapped.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    time: NDArray[np.float64]
    type: NDArray[np.int16]
    value: NDArray[np.float32]
    weight: NDArray[np.float32]
    offsets: NDArray[np.int64]  # (U + 1,)
    types: tuple[str, ...]
    slate: NDArray[np.int64] | None = None
    position: NDArray[np.int32] | None = None
    propensity: NDArray[np.float32] | None = None
    context: pa.Table | None = None
    slates: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        for name, column in self.columns().items():
            check_shape(f"Events.{name}", column, (len(self.user),))
        for name in ("time", "value", "weight"):
            check_finite(f"Events.{name}", getattr(self, name))
        if self.offsets[-1] != len(self.user):
            raise InvalidInput("Events.offsets", f"an end at {len(self.user)}", str(self.offsets[-1]))

    def __len__(self) -> int:
        return len(self.user)

    def columns(self) -> Mapping[str, Array]:
        """Every per-event NumPy column that is there, by name."""
        return {
            f.name: column
            for f in fields(self)
            if isinstance(column := getattr(self, f.name), np.ndarray) and f.name != "offsets"
        }

    def where(self, mask: Mask) -> Events:
        """The events for which `mask` (n,) is true; rows and order stay."""
        kept = {name: column[mask] for name, column in self.columns().items()}
        context = None if self.context is None else self.context.filter(pa.array(mask))
        offsets = np.r_[0, np.cumsum(mask)][self.offsets]
        return replace(self, **kept, offsets=offsets, context=context)  # type: ignore[arg-type]

    def are(self, *types: str) -> Mask:
        """Which events are of one of these `types`, (n,)."""
        return np.isin(self.type, [code for code, name in enumerate(self.types) if name in types])

    def history(self, user: int) -> History:
        """What user row `user` did, oldest first."""
        chosen = slice(self.offsets[user], self.offsets[user + 1])
        rows, weights, times = self.item[chosen], self.weight[chosen], self.time[chosen]
        return History(rows, weights, times, self.type[chosen], self.value[chosen], self.types)


def sorted_events(
    *,
    n_users: int,
    user: Array,
    item: Array,
    time: Array,
    types: tuple[str, ...],
    context: pa.Table | None = None,
    **columns: Array | None,
) -> Events:
    """Events from columns in any order; `columns` are other fields of Events (type 0, value 1, weight 1)."""
    order = np.lexsort((time, user))
    n = len(order)
    ready: dict[str, Array] = {
        "type": np.zeros(n, np.int16),
        "value": np.ones(n, np.float32),
        "weight": np.ones(n, np.float32),
    }
    ready |= {name: column for name, column in columns.items() if column is not None}
    offsets = np.searchsorted(user[order], np.arange(n_users + 1)).astype(np.int64)
    return Events(
        user=user[order].astype(np.int32),
        item=item[order].astype(np.int32),
        time=time[order].astype(np.float64),
        types=types,
        offsets=offsets,
        context=None if context is None else context.take(pa.array(order)),
        **{name: column[order] for name, column in ready.items()},  # type: ignore[arg-type]
    )
