"""A thousand kills of server, worker and PostgreSQL under load; every acknowledged event must be there once.

`python -m benchmarks.kills [--kills 1000] [--seed 0]` makes a small installation, does to it what
`tests/serving/test_kills.py` does with 20 kills, and prints what came of it as JSON. The exit code is 1 where an
acknowledged event was lost, an event is there twice, or something was left running.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.serving.killing import Toll, kill_at_random
from tests.serving.serving import install, settings_of


def said(toll: Toll, seconds: float) -> dict[str, Any]:
    """The figures, as JSON."""
    return {
        "kills": dict(toll.kills),
        "starts": toll.starts,
        "seconds": round(seconds, 1),
        "slowest_recovery_s": round(toll.slowest, 1),
        "calls_by_status": {str(status): n for status, n in sorted(toll.statuses.items())},
        "events_sent": len(toll.sent),
        "acknowledged": len(toll.acknowledged),
        "stored": len(toll.stored),
        "lost": len(toll.lost),
        "doubled": len(toll.doubled),
        "left_running": toll.left,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        settings = replace(settings_of(Path(folder), "", "killed"), database_url=None)
        key = install(settings)["admin"]
        began = time.monotonic()
        toll = kill_at_random(settings, key, asked.kills, asked.seed)
        sys.stdout.write(json.dumps(said(toll, time.monotonic() - began), indent=1) + "\n")
    return int(bool(toll.lost or toll.doubled or toll.left))


if __name__ == "__main__":
    sys.exit(main())
