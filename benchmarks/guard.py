"""Guard: how often it takes releases back, rightly or not; how fast a rollback is: `python -m benchmarks.guard`."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import publish
from regard.domain.run import Run
from regard.feedback.guard import Guard, blocks
from regard.serving import releasing
from regard.serving.demo import audience
from regard.serving.installation import Installation
from regard.serving.settings import read_settings

RUNS, EXPOSED, LONG = 2_000, 2_000, 20_000
LIKED, SPOILT = (0.1, 0.3), 0.02  # chances a visit
KEPT = (1.0, 0.9, 0.8, 0.7, 0.5)  # of the likes, by the release on trial
SHARES = (0.1, 0.5)
PEOPLE, K = 1_000, 10
LAX = {"gate": {"accuracy": 9.0, "slices": 9.0, "diversity": 9.0, "novelty": 9.0, "coverage": 9.0, "gini": 9.0}}
Stops = NDArray[np.int64]


def stops(liked: float, kept: float, share: float, exposed: int, runs: int) -> Stops:
    """The exposed visits after which each run was taken back (runs,), -1 where it was not, of `exposed` ones.

    Likes go up and down by a third with the hours of the day; visits are dealt by a coin; both figures of the product
    are watched, each with half of the chance of an alarm.
    """
    rng, guard = np.random.default_rng([int(1000 * liked), int(100 * kept), int(100 * share), exposed]), Guard()
    each, found = Guard(guard.alarms / 2, guard.tolerated, guard.least), np.full(runs, -1)
    wave = 1 + np.sin(np.arange(int(exposed / share)) * 2 * np.pi / 3_000) / 3
    for run in range(runs):
        trial = rng.random(len(wave)) < share
        good = rng.random(len(wave)) < liked * wave * np.where(trial, kept, 1.0)
        clean = rng.random(len(wave)) >= SPOILT
        taken = []
        for figure in (good, clean):
            differences, seen = blocks(figure.astype(float), trial)
            stop = int(each.stops(differences[:, None], seen[:, None])[0])
            taken += [int(seen[stop])] if stop >= 0 else []
        found[run] = min(taken, default=-1)
    return found


def table() -> Iterator[str]:
    """Markdown: a row for each truth."""
    yield f"| likes a visit | on trial | share of the visits | taken back within {EXPOSED:,} exposed | median after |"
    yield "|---|---|---|---|---|"
    for liked in LIKED:
        for kept in KEPT:
            for share in SHARES:
                found = stops(liked, kept, share, EXPOSED, RUNS)
                trial = f"{liked * kept:.3f} ({kept - 1:+.0%})"
                yield f"| {liked:.2f} | {trial} | {share:.0%} | {rate(found)} | {half(found)} |"
    for liked in LIKED:
        found = stops(liked, 1.0, 0.5, LONG, RUNS)
        yield f"| {liked:.2f} | the same, {LONG:,} exposed | 50% | {rate(found)} | {half(found)} |"


def rate(found: Stops) -> str:
    """The share of runs taken back, with its 95% interval (Wilson 1927)."""
    n, p, z = len(found), float((found >= 0).mean()), 1.96
    middle, width = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = (middle - width) / (1 + z * z / n), (middle + width) / (1 + z * z / n)
    return f"{p:.2%} ({low:.2%} to {high:.2%})"


def half(found: Stops) -> str:
    """The median number of exposed visits, of those that were taken back."""
    taken = found[found >= 0]
    return f"{int(np.median(taken)):,}" if len(taken) > len(found) / 2 else "-"


def rolled_back() -> Iterator[str]:
    """Markdown: a whole installation, two releases, forth and back."""
    with tempfile.TemporaryDirectory(prefix="regard-guard-", ignore_cleanup_errors=True) as folder:
        settings = read_settings(Path(folder), {})
        with Installation.open(settings) as here:
            here.take_in(audience(Path(folder) / "demo", 0))
            data = here.dataset()
            here.fit(data, Run())
            before = lists(here)
        lax = {"releases": LAX | {"gate": LAX["gate"] | {"calibration": 999.0}}}
        other = {"sources": {"popular": {"kind": "popularity"}, "als": {"kind": "als", "factors": 16}}}
        with Installation.open(replace(settings, recipes=other | lax)) as here:
            here.fit(here.dataset(), Run(seed=1))
            meanwhile = lists(here)
            began = time.perf_counter()
            gone, live = releasing.roll_back(here, "benchmark", "to see how long it takes")
            pointed = time.perf_counter() - began
            _ = here.live
            served = time.perf_counter() - began
            after = lists(here)
    same = sum(a == b for a, b in zip(before, after, strict=True))
    apart = sum(a != b for a, b in zip(before, meanwhile, strict=True))
    yield f"{len(data.events):,} events, {len(data.items):,} films; release {gone} taken back, {live} live."
    yield ""
    yield f"- seconds until pointer and log say so: **{pointed:.2f}**, the one before answers: **{served:.2f}**"
    yield f"- top {K} of {PEOPLE:,} people, same queries and moment, rows and scores, against before: **{same:,}**"
    yield f"  equal bit for bit; under the release between, {apart:,} were different"


def lists(here: Installation) -> list[tuple[list[int], list[float]]]:
    """Items and scores of PEOPLE people, asked at one moment."""
    data = here.releases.data(here.releases.get("0001"))
    queries = (data.query(row, K, at=1.8e9) for row in range(PEOPLE))
    slates = [here.live.recommender.recommend(query, np.random.default_rng(0)) for query in queries]
    return [(slate.rows.tolist(), [slot.score for slot in slate.slots]) for slate in slates]


def main(out: str | None = None) -> None:
    """Both parts as one page."""
    guard = Guard()
    lines = [
        "# The guard: releases taken back, rightly and wrongly",
        "",
        f"`python -m benchmarks.guard`: {RUNS:,} simulated runs a row through the guard's own code, likes up and down "
        f"by a third with the hours, dealt by a coin, {SPOILT:.0%} of the visits spoilt under both; looked at after "
        f"every visit; by its bound the chance of any false rollback is at most {guard.alarms:.1%}. 95% intervals.",
        "",
        *table(),
        "",
        "# A rollback",
        "",
        *rolled_back(),
        "",
    ]
    publish(lines, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
