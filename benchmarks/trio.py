"""Write a classic trio from real data, for `regard import`: `python -m benchmarks.trio films|clothes DATA OUT`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.protocols.labels import clothes, films


def main(which: str, data: str, out: str) -> None:
    """user_data.csv, content_data.csv and labels.csv below `out`, from the folder of data sets."""
    Path(out).mkdir(parents=True, exist_ok=True)
    home = Path(data)
    trio = films(home / "movielens-100k") if which == "films" else clothes(home / "womens-clothing-reviews")
    trio.write(Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
