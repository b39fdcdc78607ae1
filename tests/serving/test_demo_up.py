"""`regard demo --up`, smaller, as a process of its own: it says where to look, is visited, and ends whole."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from regard.domain.errors import Conflict
from regard.serving.running import Address, must_be_free, serve
from regard.serving.settings import read_settings
from tests.serving.processes import free_port, until

SMALL = """
import functools, signal
from regard.serving import cli, demo
signal.signal(signal.SIGINT, signal.default_int_handler)  # as a terminal hands it down
demo.FILMS, demo.EVENTS, demo.TownRecipe = 300, 4_000, functools.partial(demo.TownRecipe, people=80)
cli.main()
"""


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does: the whole group is told."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize(("stop", "codes"), [(interrupt, (0, 130)), (subprocess.Popen.terminate, (0,))])
def test_it_says_where_to_look_is_visited_and_a_stop_ends_all_of_it(
    stop: Callable[[subprocess.Popen[bytes]], None], codes: tuple[int, ...], tmp_path: Path
) -> None:
    pytest.importorskip("procrastinate", reason="needs the extra `fitting`")
    mine = {"REGARD_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/mine", "REGARD_TENANTS": "one,two"}  # never touched
    proxy = {"http_proxy": "http://127.0.0.1:1", "no_proxy": ""}
    port, log = free_port(), tmp_path / "log"
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "regard.toml").write_text(
        '[sources.ease]\nkind = "ease"\nl2 = 5.0\n', "utf-8"
    )  # one model: fast
    words = [sys.executable, "-c", SMALL, "demo", "--up", "--port", str(port), "--folder", str(tmp_path / "home")]
    with log.open("wb") as out:
        environment = {**os.environ, **mine, **proxy, "REGARD_LANGUAGE": "en", "COLUMNS": "200"}
        process = subprocess.Popen(words, env=environment, stdout=out, stderr=out, start_new_session=True)
    try:
        until(lambda: process.poll() is not None or "The demo is up: look at" in log.read_text(), log, 120)
        said = log.read_text()
        url = said.partition("look at ")[2].split()[0]
        assert url.startswith(f"http://127.0.0.1:{port}/?person=person-"), said
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as page:
            assert "Regard" in page.get(url).text  # it answers as soon as it says so, and gives the page its cookie
            shown = page.post("/v1/recommendations", json={"user_id": url.partition("=")[2], "k": 3}).json()
            assert len(shown["items"]) == 3
            until(lambda: page.get("/v1/releases").json()["releases"][0]["lists"] >= 4, log)  # three of the town's
        stop(process)
        assert process.wait(40) in codes, log.read_text()
        with pytest.raises(ProcessLookupError):  # nobody of the group is left
            os.killpg(process.pid, 0)
        assert not [word for word in ("Traceback", "Fatal") if word in log.read_text()]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert not list((tmp_path / "home").rglob("postmaster.pid"))


def test_a_port_that_is_taken_is_said_before_the_work(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match="--port"):
            serve(read_settings(tmp_path, {}), Address(port=port))
        words = [sys.executable, "-c", SMALL, "demo", "--up", "--port", str(port), "--folder", str(tmp_path / "home")]
        assert subprocess.run(words, capture_output=True).returncode == 4
        assert not (tmp_path / "home").exists()
    must_be_free(Address(port=port))
