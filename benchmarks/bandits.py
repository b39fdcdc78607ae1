"""Bandits: regret of our policies and of Vowpal Wabbit on the same streams: `python -m benchmarks.bandits [OUT]`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import peers
from benchmarks.results import publish
from regard.domain.arrays import Rows, Scores, Vectors
from regard.domain.candidates import Candidates, Scored
from regard.domain.protocols import Policy
from regard.domain.request import Query
from regard.domain.weights import DAY
from regard.feedback.posteriors import LinearPosterior, LinearPrior
from regard.measurement.mechanisms import DAY_PARTS, OFF, weekday_and_part
from regard.measurement.plots import PALETTE, axes_grid
from regard.measurement.population import TownItems
from regard.measurement.simulator import TownRecipe
from regard.recommending.bandits import Thompson, UpperBound
from regard.recommending.beliefs import Linear, linear_columns
from regard.recommending.budget import Budget, Within
from regard.recommending.policies import Greedy
from regard.recommending.slots import fill_slots

ROUNDS, OFFERED, ITEMS, PEOPLE = 5_000, 10, 60, 400
TUNING, SEEDS, FINALISTS = 100, (0, 1, 2), 12
BOUND = 1.05  # times the regret of Vowpal Wabbit's best configuration
BATCH = 20  # rounds after which a posterior's picture is taken anew; Vowpal Wabbit learns from each round at once
START = 20_000 * DAY
US, VW = "regard", "Vowpal Wabbit"
Losses = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Stream:
    """T rounds: person and moment (T, u), the rows offered (T, n), their true chances (T, n), luck (T,), when (T,).

    `topics` (I, g) is what can be seen of an item. The luck of a round is the same whoever chooses what.
    """

    person: Vectors
    offered: Rows
    chances: NDArray[np.float64]
    luck: Scores
    at: Scores
    topics: Vectors

    @staticmethod
    def of(seed: int, rounds: int = ROUNDS) -> Stream:
        """A town with context; of a person is seen which topics they met before, of the moment the part of the day."""
        rng = np.random.default_rng(seed)
        mechanisms = replace(OFF, context=0.5)
        items = TownItems.invented(ITEMS, seed=seed)
        town = TownRecipe(people=PEOPLE, mechanisms=mechanisms, seed=seed).build(items)
        past = town.visit(20 * PEOPLE, START - 60 * DAY, START)
        profile = np.zeros((PEOPLE, items.topics.shape[1]), np.float32)
        row_of = {name: row for row, name in enumerate(items.ids)}
        user = np.array([int(name[7:]) for name in past["user"]])
        np.add.at(profile, user, items.topics[[row_of[name] for name in past["item"]]])
        profile /= np.maximum(profile.sum(axis=1, keepdims=True), 1)
        who, at = rng.integers(0, PEOPLE, rounds), START + np.sort(rng.random(rounds)) * 100 * DAY
        offered = np.argsort(rng.random((rounds, ITEMS)), axis=1)[:, :OFFERED]
        part = np.eye(DAY_PARTS, dtype=np.float32)[weekday_and_part(at)[1]]
        person = np.concatenate([profile[who], part], axis=1)
        chances = np.concatenate([town.chances(who[n : n + 1], offered[n : n + 1], at[n]) for n in range(rounds)])
        return Stream(person, offered, chances.astype(np.float64), rng.random(rounds), at, items.topics)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of a candidate: person x topic, topic, name."""
        u, g = self.person.shape[1], self.topics.shape[1]
        crossed = [f"{a}x{b}" for a in range(u) for b in range(g)]
        return (*crossed, *(f"t{b}" for b in range(g)), *(f"i{row}" for row in range(len(self.topics))))

    def candidates(self, n: int) -> Candidates:
        """The candidates of round n, all scored alike."""
        rows = self.offered[n]
        topics = self.topics[rows]
        crossed = np.einsum("u,ng->nug", self.person[n], topics).reshape(len(rows), -1)
        columns = np.concatenate([crossed, topics, np.eye(len(self.topics))[rows]], axis=1)
        zeros = np.zeros(len(rows))
        return Candidates.of("offered", rows, zeros).scored(Scored(zeros, zeros)).with_features(self.names, columns)


def losses(stream: Stream, prior: LinearPrior, policy: Callable[[Linear], Policy]) -> NDArray[np.float64]:
    """What each round's choice cost in true chance, beside the best candidate, (T,)."""
    rng, taught = np.random.default_rng(0), LinearPosterior.of(prior)
    lost = np.zeros(len(stream.offered))
    columns, rewards = [], []
    chooses = policy(taught.belief())
    for n, chances in enumerate(stream.chances):
        candidates = stream.candidates(n)
        slot = fill_slots(Query(stream.at[n], k=1), candidates, {}, chooses, rng)[0]
        chosen = int(np.flatnonzero(stream.offered[n] == slot.row)[0])
        lost[n] = chances.max() - chances[chosen]
        columns.append(linear_columns(candidates.where(stream.offered[n] == slot.row), stream.names)[0])
        rewards.append(float(stream.luck[n] < chances[chosen]))
        if len(rewards) == BATCH:
            taught = taught.updated(np.stack(columns), np.array(rewards))
            chooses = policy(taught.belief())
            columns, rewards = [], []
    return lost


def policies(stream: Stream) -> Mapping[str, tuple[LinearPrior, Callable[[Linear], Policy]]]:
    """Ours: one prior for all, chosen on the stream of TUNING."""
    prior = LinearPrior(stream.names, noise=0.2, width=0.3, trust=0.0)
    return {
        "Thompson, floor 1%": (prior, Thompson),
        "LinUCB, epsilon 1%": (prior, lambda belief: UpperBound(belief, 0.5, 0.01)),
        "Thompson within 10% slots, 1% clicks": (prior, lambda b: Within(Thompson(b), Budget(0.1, 0.01), b)),
        "posterior mean, epsilon 5%": (prior, lambda belief: UpperBound(belief, 0.0, 0.05)),
        "posterior mean, never explores": (prior, lambda b: Within(Greedy(), Budget(0.0, 0.0), b)),
    }


def configurations() -> list[str]:
    """Vowpal Wabbit's algorithms of exploring, each with three learning rates and two sets of crossed namespaces."""
    ways = ["--epsilon 0.02", "--epsilon 0.1", "--squarecb --gamma_scale 10", "--squarecb --gamma_scale 100"]
    ways += [
        "--squarecb --gamma_scale 1000",
        "--bag 5",
        "--bag 5 --greedify",
        "--cover 3",
        "--regcb",
        "--softmax --lambda 10",
    ]
    ways += ["--first 500", "--rnd 3 --epsilon 0.02"]
    crossed = ["-q UA", "-q UA -q UI"]
    return [f"{way} {pairs} -l {rate}" for way in ways for pairs in crossed for rate in (0.5, 2.0, 8.0)]


def theirs(stream: Stream, asked: list[str]) -> Losses:
    """Vowpal Wabbit, in its own environment."""
    with tempfile.TemporaryDirectory() as scratch:
        source, told, out = (Path(scratch) / name for name in ("stream.npz", "asked.json", "out.npz"))
        np.savez(source, **{name: getattr(stream, name) for name in ("person", "offered", "chances", "luck", "topics")})
        told.write_text(json.dumps(asked), "utf-8")
        python = peers.python_of("vowpalwabbit")
        worker = Path(peers.__file__).parent / "vowpalwabbit_worker.py"
        subprocess.run([python, worker, source, told, out], check=True)
        with np.load(out) as found:
            return {name: found[name] for name in found.files}


def ours(stream: Stream) -> Losses:
    """Each of our policies."""
    found = {}
    for name, (prior, policy) in policies(stream).items():
        start = time.perf_counter()
        found[name] = losses(stream, prior, policy)
        print(f"{found[name].sum():8.1f} {time.perf_counter() - start:6.1f} s  {name}", file=sys.stderr, flush=True)
    return found


def table(found: Mapping[str, list[NDArray[np.float64]]], whose: Mapping[str, str]) -> list[str]:
    """Regret by stream, least first, and beside Vowpal Wabbit's best on each stream."""
    best = np.min([[own.sum() for own in streams] for name, streams in found.items() if whose[name] == VW], axis=0)
    lines = [
        f"| | policy | {' | '.join(f'stream {seed}' for seed in SEEDS)} | mean | times their best of each stream |"
    ]
    lines.append("|---" * (len(SEEDS) + 4) + "|")
    for name, streams in sorted(found.items(), key=lambda one: np.mean([own.sum() for own in one[1]])):
        sums = np.array([own.sum() for own in streams])
        cells = " | ".join(f"{own:.0f}" for own in sums)
        lines.append(f"| {whose[name]} | {name} | {cells} | {sums.mean():.0f} | {(sums / best).mean():.3f} |")
    return lines


def drawn(found: Mapping[str, list[NDArray[np.float64]]], whose: Mapping[str, str], file: Path) -> None:
    """Cumulative regret, mean over streams: all of ours in colours, theirs in grey."""
    figure, (axes,) = axes_grid(["Regret so far, mean of the streams"], shape=(7.0, 4.2))
    colours = iter(PALETTE)
    for name, streams in found.items():
        curve = np.mean([np.cumsum(own) for own in streams], axis=0)
        theirs = whose[name] == VW
        told = {"color": "#b5bdc6", "linewidth": 0.9} if theirs else {"color": next(colours), "linewidth": 1.8}
        axes.plot(curve, label=None if theirs else name, **told)
    axes.plot([], [], color="#b5bdc6", label=VW)
    axes.set_xlabel("rounds")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(file, dpi=110)


def main(out: str | None = None) -> None:
    """The finalists of a tuning stream on the streams of SEEDS, beside ours."""
    tuned = theirs(Stream.of(TUNING, ROUNDS // 2), configurations())
    finalists = sorted(tuned, key=lambda options: float(tuned[options].sum()))[:FINALISTS]
    found: dict[str, list[NDArray[np.float64]]] = {}
    whose: dict[str, str] = {}
    for seed in SEEDS:
        stream = Stream.of(seed)
        for who, told in ((US, ours(stream)), (VW, theirs(stream, finalists))):
            for name, own in told.items():
                found.setdefault(name, []).append(own)
                whose[name] = who
    version = peers.PINS["vowpalwabbit"][0].split("==")[1]
    about = f"""`python -m benchmarks.bandits OUT.md`: {len(SEEDS)} streams of {ROUNDS:,} rounds out of the town. Each
        round a person, the part of the day and {OFFERED} of {ITEMS} items; one is shown, a click or none comes back.
        Regret is the true chance of a click of the best candidate less that of the chosen one, summed. All see the
        same: the mix of topics that the person met before, the part of the day, topics and name of each candidate,
        person x topic crossed. Ours: one prior, set on another stream, a picture of the posterior every {BATCH} rounds.
        Vowpal Wabbit {version}, which learns after every round: the {FINALISTS} best of {len(tuned)} configurations on
        that other stream. The bound is {BOUND} times the best of them, chosen afterwards on each stream."""
    lines = [
        "# Bandits: regret beside Vowpal Wabbit",
        "",
        " ".join(about.split()),
        "",
        *table(found, whose),
        "",
    ]
    if out is not None:
        drawn(found, whose, Path(out).with_suffix(".png"))
        lines += [f"![regret]({Path(out).stem}.png)", ""]
    publish(lines, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
