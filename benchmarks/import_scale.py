"""Import at scale: seconds and peak memory of 10^5, 10^6 (and 10^7) generated events, and their log-log slopes."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

RESULTS = Path(__file__).parent / "results"
CHUNK = 1_000_000
COLUMNS = {
    "events": ",.0f",
    "file_mb": ".0f",
    "seconds": ".1f",
    "events_per_s": ",.0f",
    "cpu_s": ".1f",
    "peak_mb": ".0f",
}
CHILD = """
import json, psutil, resource, sys, time
from pathlib import Path
from regard.data.importing import import_paths
from regard.data.postgres import Store
with Store.open(Path(sys.argv[2])) as store:
    start = time.perf_counter()
    report = import_paths([Path(sys.argv[1])], store, now=1.8e9)
    seconds = time.perf_counter() - start
    own = time.process_time()
    server = [p for p in psutil.process_iter(["name"]) if "postgres" in (p.info["name"] or "")]
    server = [p for p in server if sys.argv[2] in " ".join(p.cmdline() + (p.parent() or p).cmdline())]
    theirs = sum(sum(p.cpu_times()[:2]) for p in server)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
told = {"seconds": seconds, "cpu_s": own + theirs, "peak_mb": peak}
told |= {"read": report.events_read, "new": report.events_new}
print(json.dumps(told))
"""


def generate(path: Path, n: int, seed: int = 7) -> None:
    """`n` ratings as CSV: n/100 people in sessions, long-tailed items, a thousandth of rows repeated."""
    rng = np.random.default_rng(seed)
    users, items = max(100, n // 100), max(100, int(20 * math.sqrt(n)))
    with path.open("wb") as file:
        file.write(b"user,item,rating,timestamp\n")
        for start in range(0, n, CHUNK):
            size = min(CHUNK, n - start)
            user = rng.integers(0, users, size)
            day = rng.integers(0, 700, size) // 20 * 20 + user % 20  # people come on some days
            frame = pl.DataFrame(
                {
                    "user": user,
                    "item": (items * rng.random(size) ** 3).astype(np.int64),
                    "rating": rng.integers(1, 11, size) / 2,
                    "time": 1_600_000_000 + day * 86_400 + rng.integers(0, 7200, size),
                }
            )
            again = frame.head(size // 1000)
            file.write(pl.concat([frame.head(size - len(again)), again]).write_csv(include_header=False).encode())


def measure(n: int) -> dict[str, float]:
    """One import of `n` events into a fresh store, by a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.csv"
        generate(events, n)
        command = [sys.executable, "-c", CHILD, str(events), str(Path(folder) / "store")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        row: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return {"events": n, "file_mb": events.stat().st_size / 2**20, **row, "events_per_s": n / row["seconds"]}


def slope(rows: Sequence[dict[str, float]], what: str) -> float:
    """The slope of log(what) over log(events), from least squares over all sizes."""
    x, y = np.log([row["events"] for row in rows]), np.log([row[what] for row in rows])
    return float(np.polyfit(x, y, 1)[0])


def markdown(result: dict[str, Any], rows: Sequence[dict[str, float]]) -> str:
    """The table for people."""
    lines = [
        "# Import of generated events",
        "",
        f"{result['machine']}.",
        "`python -m benchmarks.import_scale`: one CSV of ratings into a fresh embedded store;",
        "peak memory is that of the importing process, PostgreSQL apart.",
        "CPU seconds are those of both together.",
        "",
        "| events | file MB | seconds | events/s | CPU seconds | peak MB |",
        "|---:|---:|---:|---:|---:|---:|",
        *("| " + " | ".join(f"{r[name]:{form}}" for name, form in COLUMNS.items()) + " |" for r in rows),
        "",
        f"Log-log slopes: time {result['slope_seconds']:.3f}, memory {result['slope_peak_mb']:.3f}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e5, 1e6], help="for example 1e5 1e6 1e7")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    rows = [measure(int(n)) for n in arguments.sizes]
    machine = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, {os.cpu_count()} cores"
    machine += f", load average {load:.1f} before the run and {os.getloadavg()[0]:.1f} after"
    result: dict[str, Any] = {"id": "import", "machine": machine, "rows": rows}
    for what in ("seconds", "peak_mb"):
        result[f"slope_{what}"] = slope(rows, what) if len(rows) > 1 else math.nan
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "import_scale.json").write_text(json.dumps(result, indent=1) + "\n")
    (arguments.out / "import_scale.md").write_text(markdown(result, rows))
    print(markdown(result, rows))


if __name__ == "__main__":
    main()
