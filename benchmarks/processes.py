"""Processes: every system is fitted in one of its own, with pinned threads; what went wrong is one line."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import peers
from benchmarks.benchmark import Peer
from benchmarks.measuring import CLOCK

POOLS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON", "NUMEXPR")
PEERS = "peers"
PATIENCE = 6 * 3600  # seconds until a system is given up: learning curves fit a network several times


def wanted(only: str | None, system: str, model: str) -> bool:
    """Whether `--only` (a system, or a model) lets this one run: None lets all, "peers" all but ours."""
    return only in (None, system, model) or (only == PEERS and system != "regard")


def machine(threads: int) -> str:
    """What the figures were measured on, without names of hosts or paths."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8", "replace").splitlines() if info.exists() else []
    cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    fits = f"{threads} thread{'s' if threads > 1 else ''} per fit"
    return f"{cpu}, {os.cpu_count()} cores, {fits}, {platform.system()}, Python {platform.python_version()}"


def ours(module: str, *arguments: str) -> list[str]:
    """How to start a module of ours."""
    return [sys.executable, "-m", f"benchmarks.{module}", *arguments]


def theirs(peer: Peer, kind: str, repeats: int, files: tuple[Path, Path]) -> list[str]:
    """How to start a peer's worker of `kind` ("" for lists, "_labels"); `{seed}` stands for the seed."""
    python = peers.python_of(peer.library)
    worker = Path(peers.__file__).parent / f"{peer.library.replace('-', '_')}{kind}_worker.py"
    settings = json.dumps(dict(peer.settings))
    return [str(python), str(worker), peer.model, settings, "{seed}", str(repeats), *map(str, files)]


def call(who: str, command: Sequence[str], seed: int, threads: int, clock: str = "wall") -> str:
    """Run one worker; what went wrong in one line, or nothing."""
    print(f"... {who}", file=sys.stderr, flush=True)
    asked = [text.replace("{seed}", str(seed)) for text in command]
    try:
        done = subprocess.run(asked, env=_environment(threads, clock), capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"took longer than {PATIENCE} s"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit {done.returncode}"


def _environment(threads: int, clock: str) -> Mapping[str, str]:
    pools = {f"{pool}_NUM_THREADS": str(threads) for pool in POOLS}
    return {**os.environ, **pools, "POLARS_MAX_THREADS": str(threads), CLOCK: clock}
