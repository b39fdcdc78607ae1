"""Examples: meetings of people with items as arrays, the same for training, evaluation and one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact
from regard.domain.arrays import Mask, Rows, Vectors, check_shape
from regard.domain.run import Run

SPARSE = ("people", "items", "context")


@dataclass(frozen=True, eq=False)
class Examples:
    """n meetings of one person with one item: who, what, when, what all say of themselves, and what came before.

    `people`, `items` and `context` are rows of `Fields`, those of the moment with the clock's columns at the end.
    `columns` are named numbers: what each source says (NaN: nothing), how new and how known the item is; see `Facts`.
    `history` holds the item rows before this meeting, right-aligned: the newest stands last, -1 where nothing is.
    """

    person: Rows  # (n,) user rows, -1 unknown
    item: Rows  # (n,) item rows, -1 (or >= I at fit) newer than the model
    at: NDArray[np.float64]  # (n,) unix seconds
    people: sparse.csr_array  # (n, Fp)
    items: sparse.csr_array  # (n, Fi)
    context: sparse.csr_array  # (n, Fc)
    columns: NDArray[np.float32]  # (n, f)
    names: tuple[str, ...]  # of `columns`
    history: NDArray[np.int64]  # (n, h)
    actions: NDArray[np.int64]  # (n, h) action codes of that history, -1 unknown

    def __post_init__(self) -> None:
        n = len(self.person)
        for name in ("item", "at"):
            check_shape(f"Examples.{name}", getattr(self, name), (n,))
        for name in SPARSE:
            check_shape(f"Examples.{name}", getattr(self, name), (n, None))
        check_shape("Examples.columns", self.columns, (n, len(self.names)))
        check_shape("Examples.history", self.history, (n, None))
        check_shape("Examples.actions", self.actions, self.history.shape)

    def __len__(self) -> int:
        return len(self.person)

    def take(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> Examples:
        """The meetings at places `chosen`, or where a mask (n,) is true, in that order."""
        taken = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name != "names"}
        return Examples(**taken, names=self.names)

    def of_newcomers(self, share: float) -> Mask:
        """Those (n,) of the `share` of the people whose first example is the newest: nearest to whom we will serve."""
        people, place = np.unique(self.person, return_inverse=True)
        first = np.full(len(people), np.inf)
        np.minimum.at(first, place, self.at)
        newest = np.argsort(first, kind="stable")[len(people) - round(share * len(people)) :]
        return np.isin(place, newest)

    def with_columns(self, names: Sequence[str], columns: NDArray[np.floating]) -> Examples:
        """The same meetings with more columns (n, f') after their own."""
        together = np.concatenate([self.columns, np.asarray(columns, np.float32)], axis=1)
        return replace(self, columns=together, names=(*self.names, *names))


class Learned(Protocol):
    """What a learner made of examples."""

    def chances(self, examples: Examples) -> NDArray[np.float64]:
        """(n,) -> (n, A): the chance of each action, or its expected value; each row by itself."""
        ...

    def artifact(self) -> Artifact:
        """What it is made of."""
        ...


class Learner(Protocol):
    """A frozen recipe that learns actions from examples: `Trees`, `Deep`."""

    @property
    def window(self) -> int:
        """h: how many events of a history it reads."""
        ...

    def fit(
        self, examples: Examples, labels: NDArray[np.float32], content: Mapping[str, Vectors], *, run: Run = ...
    ) -> Learned:
        """`labels` (n, A): 0 or 1, or a number to expect; NaN where an action could not be observed.

        A column whose known labels are all 0 or 1 is a chance, any other one a value. `content` holds content vectors
        (I, d) of items by name, as a Dataset does.
        """
        ...
