"""The command: `python -m benchmarks B1 [--only regard|peers] [--parts PART] [--data DIR] [--json] [--seeds 0 1 2]`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from benchmarks.protocols import IDS

NO_DATA = 2  # exit status


def main() -> int:
    """Run one benchmark; print its table, or with --json its one object."""
    asked = _arguments()
    data = asked.data or (Path(os.environ["REGARD_DATA"]) if os.environ.get("REGARD_DATA") else None)
    if data is None or not data.is_dir():
        print("No data: give --data DIR, or set REGARD_DATA to the folder of data sets.", file=sys.stderr)
        return NO_DATA
    from benchmarks.results import FOLDER, keep, markdown
    from benchmarks.running import run

    try:
        found = run(asked.id, data.resolve(), asked.only, asked.seeds, asked.parts)
    except FileNotFoundError as missing:
        print(f"No data: {missing}", file=sys.stderr)
        return NO_DATA
    if (asked.only is None and asked.parts is None) or asked.out:
        keep(found, asked.out or FOLDER)
    print(json.dumps(found, ensure_ascii=False) if asked.json else markdown(found))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("id", choices=IDS, help="which benchmark")
    parser.add_argument("--only", metavar="NAME", help="run one system or model, or peers; nothing is kept")
    parser.add_argument("--parts", nargs="+", metavar="PART", help="of its data sets only these")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data in the same layout (default: REGARD_DATA)")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--seeds", type=int, nargs="+", help="repeat every fit with these (default: 0, or its own)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep JSON, Markdown and plot here")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
