"""B3: MovieLens-1M in the order of SASRec, the last film of each person, lists of 10 over all films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.benchmark import Benchmark, Recipes
from regard.domain.dataset import Dataset
from regard.measurement.splits import FOLD_IN, VALIDATION, Split, leave_last_out


def load(folder: Path) -> Split:
    """The sequences of the SASRec file, which has an order and no times: event n happens in second n."""
    rows = pl.read_parquet(folder / "sasrec_sequences.parquet")
    events = rows.select(
        user=pl.col("sas_user").cast(pl.String), item=pl.col("sas_item").cast(pl.String), time="position"
    )
    return known(leave_last_out(Dataset.from_frame(events, weights=()), test=1, validation=1))


def known(split: Split) -> Split:
    """The last but one film teaches nobody, as published, but the request for the last one knows it."""
    part = np.where(split.part == VALIDATION, FOLD_IN, split.part).astype(np.int8)
    return Split(split.data, part, f"{split.name}, known at request")


def recipes() -> Recipes:
    """EASE at the setting of the anchor, and the transformer."""
    from regard.models.behaviour import Behaviour
    from regard.models.ease import EASE

    return {
        "EASE (l2 500)": EASE(l2=500.0),
        "Behaviour, transformer": Behaviour(epochs=10, rate=3e-3, precision="bfloat16"),
    }


PARTS = {
    "MovieLens-1M": Benchmark(
        dataset="MovieLens-1M",
        protocol="the order of SASRec, fitted without the last two films of each person, the last one judges, the one "
        "before is known at request, every film ranked but the person's own, lists of 10",
        folder="movielens-1m",
        k=10,
        load=load,
        recipes=recipes,
        metrics=("HR", "N"),
        repeats=1,
    )
}
