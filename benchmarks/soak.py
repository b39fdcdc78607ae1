"""Memory over a million requests: one server asked for lists and told of events for as long as it takes.

`python -m benchmarks.soak --requests 1000000 --folder FOLDER` serves the installation that `benchmarks.serving` made in
`FOLDER` (or makes one) with one worker, and asks by wrk, 32 at once: of 20 requests one is a list, 19 are events of
1,500 people. After every slice it notes how many requests were answered and how much memory the server's process holds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving import K, build, client_of, serving, wrk
from regard.data.keys import create_key
from regard.serving.installation import Installation
from regard.serving.settings import read_settings

RESULTS = Path(__file__).parent / "results" / "soak.json"
MIXED = """local n = 0
request = function()
 n = n + 1
 local headers = {["X-API-Key"]="KEY", ["Content-Type"]="application/json"}
 local who = string.format("person-%04d", n * 7 % 1500)
 if n % 20 == 0 then
  return wrk.format("POST", "/v1/recommendations", headers, string.format('{"user_id":"%s","k":NUMBER}', who))
 end
 local id = string.format("soak-%d-%d", os.time(), n)
 local body = string.format('{"user":"%s","item":"ITEM","type":"view","id":"%s"}', who, id)
 return wrk.format("POST", "/v1/events", headers, body)
end
"""


def soak(folder: Path, requests: int, items: int, slice_s: int) -> dict[str, Any]:
    """Requests answered and megabytes held after each slice, and the slope over the second half."""
    settings = read_settings(folder)
    if not (folder / settings.tenant / "releases" / "live").exists():
        build(settings, items)
    with Installation.open(settings) as here:
        key = create_key(here.store, f"soak {time.time_ns()}", "admin")
        (folder / "constant.json").write_text("{}")
        with serving(settings, folder / "constant.json", 1) as process:
            said = client_of(key).post("/v1/recommendations", json={"user_id": "person-0001", "k": K}).json()
            script = MIXED.replace("KEY", key).replace("NUMBER", str(K)).replace("ITEM", said["items"][0]["id"])
            done, errors, points = 0.0, 0.0, []
            while done < requests:
                found = wrk(script, 32, slice_s)
                done, errors = done + found["per_s"] * slice_s, errors + found["errors"]
                points.append((round(done), round(process.memory_info().rss / 1e6, 1)))
                sys.stderr.write(f"{points[-1][0]:>9,} requests, {points[-1][1]:.0f} MB\n")
    half = np.array(points[len(points) // 2 :], float)
    slope = float(np.polyfit(half[:, 0], half[:, 1], 1)[0] * 1e6) if len(half) > 1 else float("nan")
    return {"requests": round(done), "errors": errors, "mb_per_million_second_half": round(slope, 1), "points": points}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--slice", type=int, default=60, help="seconds")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="regard-soak-"))
    found = soak(folder, asked.requests, asked.items, asked.slice)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    sys.stdout.write(json.dumps({name: found[name] for name in found if name != "points"}, indent=1) + "\n")


if __name__ == "__main__":
    main()
