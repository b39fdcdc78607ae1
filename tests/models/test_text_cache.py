"""The log of vectors while it grows under a process that stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from regard.models.text_cache import VectorLog


def test_a_log_that_grows_row_by_row_gives_each_its_own_vector(tmp_path: Path) -> None:
    log = VectorLog(tmp_path, "grows")
    keys = [bytes([n]) * 32 for n in range(4)]
    for n, key in enumerate(keys):
        log.append([key], np.full((1, 2), n, np.float32))
        found, held = log.read(keys)
        assert held.tolist() == [place <= n for place in range(4)]
        assert found[: n + 1, 0].tolist() == list(range(n + 1))
