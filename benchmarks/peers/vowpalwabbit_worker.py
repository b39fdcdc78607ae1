"""Vowpal Wabbit on a stream, `WORKER STREAM.npz CONFIGURATIONS.json OUT.npz`: the true loss of each round."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import vowpalwabbit


def lines_of(stream: dict[str, Any], n: int) -> list[str]:
    """One round in VW's text format: the person and the moment shared, topics and name of each candidate."""
    person = " ".join(f"{place}:{value:.5f}" for place, value in enumerate(stream["person"][n]) if value)
    found = [f"shared |U {person}"]
    for row in stream["offered"][n]:
        topics = " ".join(f"{place}:{value:.5f}" for place, value in enumerate(stream["topics"][row]) if value)
        found.append(f"|A {topics} |I i{row}")
    return found


def losses(stream: dict[str, Any], lines: list[list[str]], options: str) -> Any:
    """What each round's choice cost in true chance, beside the best candidate, (T,)."""
    vw = vowpalwabbit.Workspace(f"--cb_explore_adf --quiet --random_seed 1 {options}")
    rng = np.random.default_rng(0)
    lost = np.zeros(len(lines))
    for n, (shown, chances, luck) in enumerate(zip(lines, stream["chances"], stream["luck"], strict=True)):
        chance = np.asarray(vw.predict(shown), np.float64)
        chosen = int(rng.choice(len(chance), p=chance / chance.sum()))
        lost[n] = chances.max() - chances[chosen]
        cost = -float(luck < chances[chosen])
        labelled = list(shown)
        labelled[1 + chosen] = f"0:{cost}:{chance[chosen]:.8f} {shown[1 + chosen]}"
        vw.learn(labelled)
    vw.finish()
    return lost


def main() -> None:
    source, configurations, out = sys.argv[1:]
    with np.load(source) as found:
        stream = {name: found[name] for name in found.files}
    lines = [lines_of(stream, n) for n in range(len(stream["offered"]))]
    told = {}
    for options in json.loads(Path(configurations).read_text("utf-8")):
        start = time.perf_counter()
        told[options] = losses(stream, lines, options)
        print(
            f"{told[options].sum():8.1f} {time.perf_counter() - start:6.1f} s  {options}", file=sys.stderr, flush=True
        )
    np.savez(out, **told)


if __name__ == "__main__":
    main()
