"""B3: MovieLens-1M in the order of SASRec, the last film of each person, lists of 10 over all films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.benchmark import Benchmark, Peer, Recipes
from regard.domain.dataset import Dataset
from regard.measurement.splits import FOLD_IN, VALIDATION, Split, leave_last_out

CAP = 2400  # seconds of a peer's training
SASREC = {  # as the authors of RecTools tuned it for this set (eSASRec, RecSys 2025), with their default loss, which
    # their replication found better here (HR@10 .3144 against .2929 with 256 sampled negatives) and which costs half
    "n_factors": 64,
    "n_blocks": 2,
    "n_heads": 1,
    "dropout_rate": 0.1,
    "session_max_len": 200,
    "loss": "softmax",
    "lr": 1e-3,
    "batch_size": 128,
    "epochs": 100,
    "at_most_seconds": CAP,
    "lists_after": [1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 25, 30, 40, 50],
}


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


def last_known(split: Split) -> Dataset:
    """What lies before the last of each person: what early stopping watches, as published."""
    return split.data.where(np.asarray(split.part == FOLD_IN))


def recipes() -> Recipes:
    """EASE at the setting of the anchor, and the best of five networks on the film before the last: two blocks of HSTU
    (.1917 N@10 there after 18 epochs; transformer .1930, GRU of width 256 .1935 after fewer, docs/log.md)."""
    from regard.models.behaviour import Behaviour
    from regard.models.ease import EASE

    return {
        "EASE (l2 500)": EASE(l2=500.0),
        "Behaviour, HSTU": Behaviour(
            body="hstu", width=128, blocks=2, window=200, batch=64, epochs=18, rate=2e-3, patience=8
        ),
    }


PARTS = {
    "MovieLens-1M": Benchmark(
        dataset="MovieLens-1M",
        protocol="the order of SASRec, fitted without the last two films of each person, the last one judges, the one "
        "before is known at request, every film ranked but the person's own, lists of 10. A peer's training is cut "
        f"after {CAP / 60:.0f} minutes",
        folder="movielens-1m",
        k=10,
        load=load,
        recipes=recipes,
        peers=(Peer("rectools-deep", "SASRec", SASREC),),
        metrics=("N", "HR"),
        repeats=1,
        threads=1,
        watch=last_known,
        budgets=(1, 2, 3, 5),
    )
}
