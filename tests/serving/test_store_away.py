"""The store goes away and comes back: events wait with their sender, lists come all the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from regard.data.store.server import Server
from regard.serving.settings import Settings
from tests.serving.processes import until
from tests.serving.serving import Client, client_of, ids, install, settings_of


@pytest.fixture
def away(fitted: Settings, tmp_path: Path) -> Iterator[tuple[Client, psutil.Process]]:
    """A client of a server with a store of its own, given by URL, and that store's process."""
    server = Server.start(tmp_path / "store")
    try:
        settings = settings_of(tmp_path / "home", server.url, "away")
        key = install(settings, like=fitted)["admin"]
        postmaster = psutil.Process(int((tmp_path / "store/postgres/postmaster.pid").read_text().split()[0]))
        with client_of(settings) as client:
            yield client.bearing(key), postmaster
            for process in [postmaster, *postmaster.children(recursive=True)]:
                os.kill(process.pid, signal.SIGCONT)
    finally:
        server.close()


def test_events_get_503_and_lists_come_unlogged_until_the_store_is_back(away: tuple[Client, psutil.Process]) -> None:
    client, postmaster = away
    before = client.list_for("u1", k=5)
    assert before["logged"]
    frozen = [postmaster, *postmaster.children(recursive=True)]
    for process in frozen:  # a store that hangs is worse than one that is dead
        process.suspend()
    for _ in range(3):
        unlogged = client.list_for("u1", k=5)
        assert (unlogged["logged"], ids(unlogged)) == (False, ids(before))
    stranger = client.list_for("nobody", k=5)
    assert (stranger["logged"], len(stranger["items"])) == (False, 5)
    refused = client.post("/v1/events", json={"user": "u1", "item": ids(before)[0], "type": "like", "id": "again"})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert client.get("/health/ready").status_code == 503
    for process in frozen:
        process.resume()
    until(lambda: client.get("/health/ready").status_code == 200)
    again = {"user": "u1", "item": ids(before)[0], "type": "like", "id": "again"}
    until(lambda: client.post("/v1/events", json=again).status_code == 202)
    after = client.list_for("u1", k=5)
    assert after["dropped"]["seen"] == before["dropped"]["seen"] + 1
    assert client.get(f"/v1/recommendations/{unlogged['recommendation_id']}").status_code == 404
