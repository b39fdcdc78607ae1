"""Running a benchmark: every system in a process of its own, with two threads, judged by our one evaluator."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.benchmark import Benchmark, Peer
from benchmarks.exchange import DEPTH, Listed, read_lists, write_train
from benchmarks.protocols import parts_of
from regard.measurement.evaluate import evaluate
from regard.measurement.truth import truth_of

THREADS = 2
POOLS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON", "NUMEXPR")
PATIENCE = 3600  # seconds until a system is given up
Row = dict[str, Any]


def run(name: str, data: Path, only: str | None, seeds: Sequence[int]) -> dict[str, Any]:
    """Everything about one benchmark id as one JSON object; systems that fail are named under "left_out"."""
    parts = {part: _run_part(name, part, b, data, only, seeds) for part, b in parts_of(name).items()}
    return {
        "id": name,
        "dataset": " + ".join(parts),
        "protocol": "; ".join(dict.fromkeys(b.protocol for b in parts_of(name).values())),
        "split_sha256": "+".join(found["split_sha256"] for found in parts.values()),
        "machine": machine(),
        "rows": [row for found in parts.values() for row in found["rows"]],
        "comparisons": [row for found in parts.values() for row in found["comparisons"]],
        "left_out": [row for found in parts.values() for row in found["left_out"]],
        "notes": [b.beside(b.where(data)) for b in parts_of(name).values() if b.beside],
    }


def machine() -> str:
    """What the figures were measured on, without names of hosts or paths."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8", "replace").splitlines() if info.exists() else []
    cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    software = f"{platform.system()}, Python {platform.python_version()}"
    return f"{cpu}, {os.cpu_count()} cores, {THREADS} threads per fit, {software}"


def _run_part(
    name: str, part: str, benchmark: Benchmark, data: Path, only: str | None, seeds: Sequence[int]
) -> dict[str, Any]:
    split = benchmark.load(benchmark.where(data))
    rules = benchmark.judged(split)
    truth = truth_of(split, rules)
    rows: list[Row] = []
    listed: dict[str, Listed] = {}
    left_out: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        train, out = Path(scratch) / "train.npz", Path(scratch) / "lists.npz"
        write_train(train, split, truth.users, DEPTH * benchmark.k, again=not rules.exclude_seen)
        for system, model, command in _commands(name, part, benchmark, data, (train, out)):
            if only not in (None, system):
                continue
            for seed in seeds:
                said = _call(f"{system} {model}", [text.replace("{seed}", str(seed)) for text in command()])
                if said:
                    left_out.append({"dataset": part, "system": system, "model": model, "why": said})
                    break
                label = f"{system} {model}" + (f", seed {seed}" if len(seeds) > 1 else "")
                listed[label], cost = read_lists(label, out, truth.users)
                rows.append({"dataset": part, "system": system, "model": model, "metrics": {}, **cost, "seed": seed})
    report = evaluate(listed, split, benchmark.k, metrics=benchmark.metrics, protocol=rules)
    print(report, file=sys.stderr)
    for row, label in zip(rows, listed, strict=True):
        _judge(row, label, report, split.sha256)
    compared = [{"dataset": part, **asdict(comparison)} for comparison in report.comparisons]
    return {"split_sha256": split.sha256, "rows": rows, "comparisons": compared, "left_out": left_out}


def _judge(row: Row, label: str, report: Any, sha256: str) -> None:
    row["metrics"] = {metric: report.value(label, metric) for metric in report.labels}
    row["intervals"] = {
        m.metric: [m.low, m.high] for m in report.measures if (m.model, m.slice) == (label, "all") and m.low is not None
    }
    row["split_sha256"] = sha256


def _commands(name: str, part: str, benchmark: Benchmark, data: Path, files: tuple[Path, Path]) -> Any:
    """(system, model, how to start its worker), ours first; `{seed}` stands for the seed."""
    train, out = files
    for model in benchmark.recipes():
        ours = [sys.executable, "-m", "benchmarks.fit_ours", name, part, model, "{seed}", str(data), str(out)]
        yield "regard", model, lambda ours=ours: ours
    for peer in benchmark.peers:
        yield peer.library, peer.model, lambda peer=peer: _peer(peer, benchmark.repeats, train, out)


def _peer(peer: Peer, repeats: int, train: Path, out: Path) -> list[str]:
    python = peers.python_of(peer.library)
    worker = Path(peers.__file__).parent / f"{peer.library}_worker.py"
    settings = json.dumps(dict(peer.settings))
    return [str(python), str(worker), peer.model, settings, "{seed}", str(repeats), str(train), str(out)]


def _call(who: str, command: Sequence[str]) -> str:
    """Run one worker; what went wrong in one line, or nothing."""
    print(f"... {who}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(command, env=_environment(), capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"took longer than {PATIENCE} s"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit {done.returncode}"


def _environment() -> Mapping[str, str]:
    pools = {f"{pool}_NUM_THREADS": str(THREADS) for pool in POOLS}
    return {**os.environ, **pools, "POLARS_MAX_THREADS": str(THREADS)}
