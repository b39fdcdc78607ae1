"""The log of vectors while it grows under a process that stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from regard.domain.arrays import Vectors
from regard.domain.records import Item
from regard.models.text import TextEncoder
from regard.models.text_cache import Cached, VectorLog


class Lengths(TextEncoder):
    """Texts as (1, length) at length 1."""

    name = "lengths"
    identity = "lengths"
    width = 2

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([[1, len(text)] for text in texts], np.float32)


def test_a_log_that_grows_row_by_row_gives_each_its_own_vector(tmp_path: Path) -> None:
    log = VectorLog(tmp_path, "grows")
    keys = [bytes([n]) * 32 for n in range(4)]
    for n, key in enumerate(keys):
        log.append([key], np.full((1, 2), n, np.float32))
        found, held = log.read(keys)
        assert held.tolist() == [place <= n for place in range(4)]
        assert found[: n + 1, 0].tolist() == list(range(n + 1))


def test_what_is_kept_is_recalled_and_no_model_is_asked_for_the_rest(tmp_path: Path) -> None:
    cached, items = Cached(Lengths(), tmp_path), [Item("a", "one"), Item("b"), Item("c", "three")]
    assert cached.recall(items)[1].tolist() == [False, True, False]  # who says nothing has nothing to be read
    made = cached.encode(items[:2])
    found, held = cached.recall(items)
    assert (held.tolist(), found[:2].tolist()) == ([True, True, False], made.tolist())
    assert not found[2].any()
