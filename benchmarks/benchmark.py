"""Benchmark: one data set with its protocol, our recipes and the peers that run beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from regard.domain.dataset import Dataset
from regard.domain.protocols import Estimator, Retriever
from regard.measurement.splits import Split
from regard.measurement.truth import Protocol

Recipes = Mapping[str, Estimator[Retriever]]


@dataclass(frozen=True)
class Peer:
    """One run of another library: `library` names its environment and worker, `settings` go to the worker."""

    library: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As it stands in tables."""
        return f"{self.library} {self.model}"


@dataclass(frozen=True)
class View:
    """One more judging of the same fits: `of(split)` says by which test events and under which rules.

    Requests know what they know in the benchmark's own split.
    """

    name: str
    of: Callable[[Split], tuple[Split, Protocol]]


@dataclass(frozen=True)
class Benchmark:
    """What is measured: `metrics` at `k` on `load(folder)`, under the rules of `judged(split)`.

    dataset, protocol: for people. folder: below the folder of data sets. recipes: ours, by name; hyper-parameters are
    chosen on a validation cut of train, and the file says how. repeats: a fit is timed this often, the shortest counts.
    beside: one more figure in words, from the folder. threads: of every fit. watch: the events that early stopping
    looks at, as `Run.validation`. budgets: our recipes with a field `epochs` are fitted with these fewer epochs too,
    each a whole fit, for the learning curve. views: further judgings, each with the last of `metrics`. clock: what fit
    seconds are; "cpu" on a machine with others at work.
    """

    dataset: str
    protocol: str
    folder: str
    k: int
    load: Callable[[Path], Split]
    recipes: Callable[[], Recipes]
    peers: tuple[Peer, ...] = ()
    metrics: tuple[str, ...] = ("N", "R")
    judged: Callable[[Split], Protocol] = lambda split: Protocol(slices=False)
    repeats: int = 3
    beside: Callable[[Path], str] | None = None
    threads: int = 2
    watch: Callable[[Split], Dataset] | None = None
    budgets: tuple[int, ...] = ()
    views: tuple[View, ...] = ()
    clock: Literal["wall", "cpu"] = "wall"

    def where(self, data: Path) -> Path:
        """The data set's own folder: `data` itself, or below it."""
        return below(data, self.folder)


def below(data: Path, folder: str) -> Path:
    """`folder` below `data`, or `data` itself where there is no such folder."""
    return data / folder if (data / folder).is_dir() else data
