"""B4: Amazon Beauty 5-core, the last product of each person, lists of 10 over all products."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl

from benchmarks.benchmark import Benchmark, Peer, Recipes
from benchmarks.protocols.b3 import known, last_known
from benchmarks.texts import encoded
from regard.domain.dataset import Dataset
from regard.measurement.splits import Split, leave_last_out

CAP = 2400  # seconds of a peer's training
SASREC = {  # as the authors of RecTools tuned it for Beauty and Sports (eSASRec, RecSys 2025)
    "n_factors": 256,
    "n_blocks": 1,
    "n_heads": 1,
    "dropout_rate": 0.2,
    "session_max_len": 50,
    "loss": "sampled_softmax",
    "n_negatives": 256,
    "lr": 1e-3,
    "batch_size": 128,
    "epochs": 200,
    "at_most_seconds": CAP,
    "lists_after": [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 160],
}


def load(folder: Path) -> Split:
    """The sequences of S3-Rec, which have an order and no times: event n happens in second n."""
    return known(leave_last_out(encoded(products(folder)), test=1, validation=1))


def products(folder: Path) -> Dataset:
    """All purchases. A product's title is a few words that a language model drew from its title and category;
    `categories` are its category and brand, as ids without names, in a column that no text encoder reads."""
    users, items, places = list[str](), list[str](), list[int]()
    for line in gzip.decompress((folder / "sequences.txt.gz").read_bytes()).decode().splitlines():
        person, *bought = line.split()
        users += [person] * len(bought)
        items += bought
        places += range(len(bought))
    said = pl.read_parquet(folder / "items.parquet").select(
        id=pl.col("item").cast(pl.String),
        title="keyword_text",
        categories=pl.col("attribute_ids").cast(pl.List(pl.String)),
    )
    events = pl.DataFrame({"user": users, "item": items, "time": places})
    return Dataset.from_frame(events, items=said, weights=())


def recipes() -> Recipes:
    """EASE at the setting of the anchor (.0749 / .0409 with the last but one product in train, less without), and a
    transformer whose items are known by their words, categories and brand as well."""
    from regard.models.behaviour import Behaviour
    from regard.models.ease import EASE
    from regard.models.towers import ItemTower

    tower = ItemTower(("use",), attributes=True)
    return {
        "EASE (l2 300)": EASE(l2=300.0),
        "Behaviour, transformer over item towers": Behaviour(
            items=tower, width=128, window=50, batch=64, epochs=22, rate=2e-3, dropout=0.4, patience=8
        ),
    }


def next_product(dataset: str, folder: str) -> Benchmark:
    """The protocol, which Sports (B5) shares."""
    return Benchmark(
        dataset=dataset,
        protocol="the order of S3-Rec, fitted without the last two products of each person, the last one judges, the "
        "one before is known at request and what early stopping watches, every product ranked but the person's own "
        "(as S3-Rec does; nobody has one twice), lists of 10. A peer's training is cut after "
        f"{CAP / 60:.0f} minutes",
        folder=folder,
        k=10,
        load=load,
        recipes=recipes,
        peers=(Peer("rectools-deep", "SASRec", SASREC),),
        metrics=("N", "R"),
        repeats=1,
        threads=1,
        watch=last_known,
        budgets=(2, 5, 10),
    )


PARTS = {"Beauty": next_product("Amazon Beauty", "amazon-beauty-5core")}
