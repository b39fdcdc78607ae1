"""What a server does on this machine: requests and events a second, the newest event in the next list, memory.

`python -m benchmarks.serving --items 10000` makes an installation of an invented town (or takes `--folder`), serves it
by real processes on loopback and asks with wrk (apt-get install wrk). Every figure of one run is from one machine; what
counts is the ratio to `/constant`, an ordinary route of the same application behind the same door that returns a
constant dict of a list's size.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import psutil
from fastapi import APIRouter, FastAPI

from regard.data.keys import create_key
from regard.domain.run import Run
from regard.measurement.population import TownItems
from regard.measurement.simulator import TownRecipe
from regard.serving import app as serving_app
from regard.serving.api.access import Guarded, needs
from regard.serving.installation import Installation
from regard.serving.settings import Settings, read_settings
from regard.serving.side_by_side import helpers_of

RESULTS = Path(__file__).parent / "results" / "serving.json"
CONSTANT = "REGARD_BENCHMARK_CONSTANT"
PORT = 8771
K = 20
EVENTS = 60_000
WORDS = [
    "river",
    "night",
    "garden",
    "stone",
    "winter",
    "signal",
    "harbour",
    "letter",
    "glass",
    "forest",
    "engine",
    "summer",
    "paper",
    "shadow",
    "island",
]


def application() -> FastAPI:
    """Regard's application with one more ordinary route."""
    app = serving_app.from_environment()
    said = json.loads(Path(os.environ[CONSTANT]).read_text("utf-8"))
    router = APIRouter(route_class=Guarded)

    @router.get("/constant", openapi_extra=needs("read"))
    def constant() -> dict[str, Any]:
        return dict(said)

    app.include_router(router)
    return app


def build(settings: Settings, items: int) -> None:
    """An invented catalogue with words, and a town's events about it."""
    town = TownItems.invented(items)
    rng = np.random.default_rng(0)
    names = town.ids
    titles = [" ".join(rng.choice(WORDS, 3)) + f" {n}" for n in range(items)]
    tags = [[f"topic {t}" for t in np.flatnonzero(row)] for row in town.topics > 0]
    catalogue = pl.DataFrame(
        {"id": names, "title": titles, "tags": tags, "creator": [f"maker {n % 997}" for n in range(items)]}
    )
    happened = TownRecipe(seed=0).build(town).visit(EVENTS, 1.76e9, 1.79e9)
    settings.folder.mkdir(parents=True, exist_ok=True)
    paths = [settings.folder / "items.parquet", settings.folder / "events.parquet"]
    catalogue.write_parquet(paths[0])
    happened.write_parquet(paths[1])
    with Installation.open(settings) as here:
        here.take_in(paths)
        here.fit(here.dataset(), Run(seed=0))


@contextmanager
def serving(settings: Settings, constant: Path, workers: int) -> Iterator[psutil.Process]:
    """The server as its own process, ready."""
    env = {**os.environ, "REGARD_FOLDER": str(settings.folder), CONSTANT: str(constant)}
    env |= {"REGARD_HELPERS": str(helpers_of(workers))}  # as `regard serve` does it
    command = [sys.executable, "-m", "uvicorn", "--factory", "benchmarks.serving:application", "--port", str(PORT)]
    command += ["--workers", str(workers), "--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen(command, env=env)
    try:
        for _ in range(3000):
            try:
                if httpx.get(f"http://127.0.0.1:{PORT}/health/ready", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def wrk(script: str, connections: int, seconds: int) -> dict[str, float]:
    """Requests a second and latencies in milliseconds of one kind of request."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", file.name]
        said = subprocess.run([*command, f"http://127.0.0.1:{PORT}"], capture_output=True, text=True, check=True).stdout
    found = {f"p{p}_ms": _ms(said, f"{p}%") for p in (50, 99)}
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    return {"per_s": float(rate[1]) if rate else 0.0, **found, "errors": float(errors[1]) if errors else 0.0}


def _ms(said: str, name: str) -> float:
    found = re.search(rf"{re.escape(name)}\s+([\d.]+)(us|ms|s)", said)
    scale = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    return float(found[1]) * scale[found[2]] if found else float("nan")


def lua(method: str, path: str, key: str, body: str = "") -> str:
    """A wrk script; `n` counts requests in `body`, a Lua expression."""
    headers = f'{{["X-API-Key"]="{key}", ["Content-Type"]="application/json"}}'
    made = f", {body}" if body else ""
    call = f"wrk.format('{method}', '{path}', {headers}{made})"
    return f"local n = 0\nrequest = function()\n n = n + 1\n return {call}\nend\n"


LIST = """string.format('{"user_id":"person-%04d","k":KK}', n % 1500)""".replace("KK", str(K))
OF_A_TAG = LIST.replace('"k"', '"filter":{"tags":["topic 0"]},"k"')  # every sixth item has it
ONE = """string.format('{"user":"person-%04d","item":"ITEM","type":"view","id":"e'..os.time()..'-%d"}', n % 1500, n)"""
BATCH = """(function() local t, now = {}, os.time() for i = 1, 1000 do
 t[i] = string.format('{"user":"person-%04d","item":"ITEM","type":"view","id":"b%d-%d-%d"}', i % 1500, now, n, i)
 end return '['..table.concat(t, ',')..']' end)()"""


def client_of(key: str) -> httpx.Client:
    """A client of the server under test."""
    return httpx.Client(base_url=f"http://127.0.0.1:{PORT}", headers={"X-API-Key": key}, timeout=30)


def measure(settings: Settings, key: str, workers: int, seconds: int, swaps: int) -> dict[str, Any]:
    """All figures with so many worker processes."""
    client = client_of(key)
    constant = settings.folder / "constant.json"
    if not constant.exists():
        constant.write_text("{}")
    with serving(settings, constant, workers):
        said = client.post("/v1/recommendations", json={"user_id": "person-0001", "k": K}).json()
        constant.write_text(json.dumps(said))
        item = said["items"][0]["id"]
    with serving(settings, constant, workers) as process:
        wrk(lua("POST", "/v1/recommendations", key, LIST), 8, 5)  # everybody once, so that sessions are warm
        found: dict[str, Any] = {"memory_before_mb": _memory(process)}
        for connections in (1, 16):
            found[f"constant_{connections}"] = wrk(lua("GET", "/constant", key), connections, seconds)
            found[f"lists_{connections}"] = wrk(lua("POST", "/v1/recommendations", key, LIST), connections, seconds)
            found[f"of_a_tag_{connections}"] = wrk(
                lua("POST", "/v1/recommendations", key, OF_A_TAG), connections, seconds
            )
        found["ratio"] = found["lists_16"]["per_s"] / found["constant_16"]["per_s"]
        found["events_one_by_one"] = wrk(lua("POST", "/v1/events", key, ONE.replace("ITEM", item)), 64, seconds)
        batches = wrk(lua("POST", "/v1/events", key, BATCH.replace("ITEM", item)), 4, seconds)
        found["events_in_batches"] = batches | {"events_per_s": 1000 * batches["per_s"]}
        found["event_to_changed_list_ms"] = _changed(client)
        found["upsert_to_servable_ms"] = _servable(client)
        found["hot_swap"] = _swap(client, settings, swaps)
        found["memory_after_mb"] = _memory(process)
    return found


def _memory(process: psutil.Process) -> float:
    return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / 1e6


def _changed(client: httpx.Client) -> float:
    """From sending an event to the list that no longer holds its item, answered: the median of 20."""
    took = []
    for n in range(20):
        asked = {"user_id": f"person-{100 + n:04d}", "k": 10}
        first = client.post("/v1/recommendations", json=asked).json()["items"][0]["id"]
        began = time.perf_counter()
        client.post("/v1/events", json={"user": asked["user_id"], "item": first, "type": "like"})
        after = [item["id"] for item in client.post("/v1/recommendations", json=asked).json()["items"]]
        took.append(time.perf_counter() - began)
        assert first not in after
    return float(np.median(took)) * 1e3


def _servable(client: httpx.Client) -> float:
    """From sending a new item to a list that holds it: the median of 20."""
    took = []
    for n in range(20):
        shelf = f"shelf-{time.time_ns()}"
        began = time.perf_counter()
        client.post("/v1/items", json={"id": shelf, "title": f"New {n}", "attributes": {"shelf": shelf}})
        answer = client.post("/v1/recommendations", json={"user_id": "person-0001", "filter": {"shelf": shelf}}).json()
        took.append(time.perf_counter() - began)
        assert [item["id"] for item in answer["items"]] == [shelf]
    return float(np.median(took)) * 1e3


def _swap(client: httpx.Client, settings: Settings, times: int) -> dict[str, Any]:
    """Releases go live and back under load; how many requests were asked, and how many failed."""
    stopping, statuses = threading.Event(), []

    def ask() -> None:
        with httpx.Client(base_url=client.base_url, headers=client.headers, timeout=30) as own:
            while not stopping.is_set():
                statuses.append(own.post("/v1/recommendations", json={"user_id": "person-0002"}).status_code)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    with Installation.open(settings) as here:
        release = here.releases.live()
        assert release is not None
        for _ in range(times):
            here.promote(release.name, "benchmark")
            time.sleep(2)
    stopping.set()
    for asker in askers:
        asker.join()
    return {"requests": len(statuses), "failed": sum(status != 200 for status in statuses)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--swaps", type=int, default=3, help="of releases under load; each holds two at once")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="regard-serving-"))
    settings = read_settings(folder)
    if not (folder / settings.tenant / "releases" / "live").exists():
        build(settings, asked.items)
    with Installation.open(settings) as here:
        key = create_key(here.store, f"benchmark {time.time_ns()}", "admin")
        machine = {"python": platform.python_version(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
        found = {f"{n} workers": measure(settings, key, n, asked.seconds, asked.swaps) for n in asked.workers}
    all_ = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    all_[f"{asked.items} items"] = {"machine": machine, **found}
    RESULTS.write_text(json.dumps(all_, indent=1) + "\n", "utf-8")
    sys.stdout.write(json.dumps(all_[f"{asked.items} items"], indent=1) + "\n")


if __name__ == "__main__":
    main()
