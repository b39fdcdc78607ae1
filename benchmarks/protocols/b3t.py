"""B3t: how long a small network takes to be as good as RecTools' SASRec after its first epochs; the events of B3."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.benchmark import Peer, Recipes
from benchmarks.protocols import b3

EPOCHS = 6  # of the peer
BEGINNING = {"epochs": EPOCHS, "at_most_seconds": 900, "lists_after": [1, 2, 4]}


def recipes() -> Recipes:
    """One block and half the width of what B3 ends with: on one core it learns more in its first minutes."""
    from regard.models.behaviour import Behaviour

    return {
        "Behaviour, transformer of one block": Behaviour(window=100, epochs=4, rate=3e-3),
    }


PARTS = {
    "MovieLens-1M": replace(
        b3.PARTS["MovieLens-1M"],
        protocol="the events and the judging of B3; the peer as there, for its first "
        f"{EPOCHS} epochs; ours as one whole fit for each number of epochs. Seconds are those of the processor, one "
        "thread, because other work shared the machine",
        recipes=recipes,
        peers=(Peer("rectools-deep", "SASRec", {**b3.SASREC, **BEGINNING}),),
        watch=None,
        budgets=(1, 2),
        clock="cpu",
    )
}
