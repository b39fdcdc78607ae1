"""Markers that skip with a clear word, and the folder of real data sets."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def _data() -> Path | None:
    folder = os.environ.get("REGARD_DATA")
    return Path(folder).resolve() if folder and Path(folder).is_dir() else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run, and say what it would need."""
    if item.get_closest_marker("data") and _data() is None:
        pytest.skip("needs the real data sets: set REGARD_DATA to their folder")
    if item.get_closest_marker("deep") and importlib.util.find_spec("torch") is None:
        pytest.skip("needs PyTorch: pip install 'regard[deep]'")
    if item.get_closest_marker("slow") and "slow" not in str(item.config.getoption("-m")):
        pytest.skip("takes minutes: run it with -m slow")


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """The folder of one real data set by its name; the test skips where it is not there."""

    def find(name: str) -> Path:
        data = _data()
        if data is None or not (data / name).is_dir():
            pytest.skip(f"needs the data set {name!r} under REGARD_DATA")
        return data / name

    return find
