"""Several workers of one server: whichever answers, their figures are those of all, and a limit is parted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.serving.processes import Replica, serving, until
from tests.serving.serving import Home


def ask(replica: Replica, method: str, path: str, body: object = None) -> httpx.Response:
    """Over a connection of its own, so that any worker may answer."""
    with httpx.Client(base_url=replica.http.base_url, headers=replica.http.headers, timeout=30) as client:
        return client.request(method, path, json=body)


def told(replica: Replica, name: str) -> float:
    """A figure over all its labels."""
    lines = ask(replica, "GET", "/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def counting(folder: Path) -> set[int]:
    """The processes that have counted something there."""
    return {int(path.stem.rpartition("_")[2]) for path in folder.glob("regard-figures-*/counter_*.db")}


def test_figures_are_those_of_all_workers_also_of_one_that_is_gone(
    served: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serving(served[0], served[1]["admin"], "--workers", "2") as replica:
        until(lambda: len(counting(tmp_path)) == 2, replica.log)
        with ThreadPoolExecutor(8) as hands:
            wanted = {"user_id": "u1", "k": 3}
            answers = list(hands.map(lambda _: ask(replica, "POST", "/v1/recommendations", wanted), range(48)))
        assert {answer.status_code for answer in answers} == {200}
        ask(replica, "POST", "/v1/events", [{"user": "u1", "item": f"f{n}"} for n in range(3)])
        assert {told(replica, "regard_lists_total") for _ in range(20)} == {48}
        os.kill(min(counting(tmp_path)), signal.SIGKILL)
        until(lambda: len(counting(tmp_path)) == 3, replica.log)
        assert {told(replica, "regard_lists_total") for _ in range(20)} == {48}
        assert {told(replica, "regard_events_total") for _ in range(20)} == {3}
        assert "tenant=" not in ask(replica, "GET", "/metrics").text
        assert replica.stop() == 0
    assert not list(tmp_path.glob("regard-figures-*"))


TENANTS = """import sys
from prometheus_client import generate_latest
from regard.serving.figures import Figures
one, other = Figures("one", sys.argv[1]), Figures("other", sys.argv[1])
one.kept(2)
other.kept(5)
one.answered("/metrics", 200, 0.1)
print(generate_latest(one.registry).decode())"""


def test_figures_of_one_tenant_are_its_own_over_all_processes(tmp_path: Path) -> None:
    told = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", TENANTS, str(tmp_path)]
    for times in (1, 2):
        said = subprocess.run(command, env=told, capture_output=True, text=True, check=True).stdout
        assert f"regard_events_total {2.0 * times}" in said
        assert f'regard_request_seconds_count{{route="/metrics",status="200"}} {1.0 * times}' in said
        assert "other" not in said


def test_the_limit_of_a_key_is_parted_among_the_workers(served: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGARD_RATE", "0.02")
    with serving(served[0], served[1]["read"], "--workers", "2") as replica:
        said = [ask(replica, "GET", "/v1/releases") for _ in range(4)]
    assert [one.status_code for one in said].count(200) <= 2  # a worker lets one through in 100 s
    refused = next(one for one in said if one.status_code == 429)
    assert refused.json()["error"]["expected"].startswith("at most 0.01 requests a second")
