"""Convolution: word order within its reach, wherever it stands; what fills a row does not count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'regard[deep]'")
pytestmark = pytest.mark.deep

VOCABULARY, NOT, GOOD = 30, 2, 3


def reader(out: int = 1) -> Any:
    from regard.learning.loop import seeded
    from regard.models.networks.convolution import Words

    with seeded(2):
        return Words(VOCABULARY, 8, 16, out)


def test_not_good_is_told_from_good_wherever_it_stands() -> None:
    """Every text bears both words; only "not good" side by side makes it a bad one."""
    rng = np.random.default_rng(1)
    words = rng.integers(4, VOCABULARY, (1_200, 12))
    bad = rng.random(1_200) < 0.5
    for row, label in zip(words, bad, strict=True):
        if label:
            start = rng.integers(0, 11)
            row[start : start + 2] = NOT, GOOD
        else:
            first, second = rng.choice(12, 2, replace=False)
            row[[first, second]] = (NOT, GOOD) if first != second - 1 else (GOOD, NOT)
    module, x, y = reader(), torch.from_numpy(words), torch.from_numpy(bad.astype(np.float32))
    optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(80):
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(module(x[:1_000])[:, 0], y[:1_000]).backward()
        optimiser.step()
    right = (module(x[1_000:])[:, 0] > 0) == (y[1_000:] > 0)
    assert right.float().mean() > 0.97


def test_what_fills_a_row_does_not_count() -> None:
    module = reader(5).eval()
    short = torch.tensor([[4, 5, 6]])
    torch.testing.assert_close(module(torch.tensor([[4, 5, 6, 0, 0, 0, 0, 0]])), module(short))
    nothing = module(torch.zeros(2, 9, dtype=torch.int64))
    torch.testing.assert_close(nothing[0], module(torch.zeros(1, 1, dtype=torch.int64))[0])
    assert torch.isfinite(nothing).all()


def test_a_row_of_numbers_is_a_sequence_too() -> None:
    """A rise of two neighbours anywhere in twenty numbers, found by filters over a sequence of width 1."""
    from regard.learning.loop import seeded
    from regard.models.networks.convolution import Convolution

    rng = np.random.default_rng(3)
    rows = rng.normal(size=(1_500, 20, 1)).astype(np.float32) * 0.3
    rises = rng.random(1_500) < 0.5
    for row, label in zip(rows, rises, strict=True):
        start = rng.integers(0, 19)
        row[start : start + 2, 0] = (-2.0, 2.0) if label else (2.0, -2.0)
    with seeded(0):
        module = Convolution(1, 8, 1)
    x, y, there = torch.from_numpy(rows), torch.from_numpy(rises.astype(np.float32)), torch.ones(1_500, 20)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(150):
        optimiser.zero_grad()
        out = module(x[:1_000], there[:1_000])[:, 0]
        torch.nn.functional.binary_cross_entropy_with_logits(out, y[:1_000]).backward()
        optimiser.step()
    assert ((module(x[1_000:], there[1_000:])[:, 0] > 0) == (y[1_000:] > 0)).float().mean() > 0.97
