"""Server, worker and PostgreSQL are killed under load: what was acknowledged is there once, and nothing is left behind.

Outside of the product stands what is outside of it in an installation too: the test starts server and worker again
when they end, as a service manager does. The embedded PostgreSQL is started again by the server or the worker itself.
`python -m benchmarks.kills` kills 1,000 times.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from regard.serving.settings import Settings
from tests.serving.killing import BATCH, VICTIMS, kill_at_random
from tests.serving.serving import install, settings_of

KILLS = 20

pytest.importorskip("procrastinate", reason="the worker needs the extra `fitting`")


def test_every_acknowledged_event_is_kept_once_whoever_is_killed(fitted: Settings, tmp_path: Path) -> None:
    settings = replace(settings_of(tmp_path / "home", "", "killed"), database_url=None)
    key = install(settings, like=fitted)["admin"]
    toll = kill_at_random(settings, key, KILLS, seed=0)
    assert set(toll.kills) == set(VICTIMS)
    assert toll.kills.total() == KILLS
    assert toll.statuses.keys() <= {0, 202, 503}  # a killed server does not answer, one without store says so
    assert len(toll.acknowledged) > KILLS * BATCH
    assert toll.lost == set()
    assert toll.doubled == set()
    assert toll.stored.keys() <= toll.sent
    assert set(toll.codes.values()) <= {0, -signal.SIGTERM}
    assert toll.left == []
