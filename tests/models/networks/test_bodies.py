"""Bodies: a piece of a packed row is read as if it stood alone, and nobody looks ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'regard[deep]'")
pytestmark = pytest.mark.deep

BODIES = ("gru", "convolution", "transformer", "hstu")
WIDTH, WINDOW = 8, 12


def tower(body: str) -> Any:
    from regard.learning.loop import seeded
    from regard.models.networks.next_item import Tower, body_of

    with seeded(1):
        found = Tower(body_of(body, WIDTH, 2, WINDOW, 0.3), WIDTH, 0.3).eval()
        for parameter in found.parameters():
            parameter.data.normal_(std=0.4)  # also those that begin at zero
        return found


def inputs(rows: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, WINDOW, WIDTH)).astype(np.float32)
    return torch.from_numpy(x), torch.from_numpy(rng.integers(0, 5, (rows, WINDOW)))


@pytest.mark.parametrize("body", BODIES)
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.lists(st.booleans(), min_size=WINDOW, max_size=WINDOW), min_size=1, max_size=3))
def test_a_piece_is_read_as_if_it_stood_alone(body: str, cuts: list[list[bool]]) -> None:
    from regard.models.networks.layout import Layout

    net, (x, gaps) = tower(body), inputs(len(cuts))
    segment = torch.tensor(cuts).long().cumsum(dim=1)
    packed = net(x, gaps, Layout.of(segment))
    for row in range(len(cuts)):
        for piece in segment[row].unique():
            chosen = segment[row] == piece
            alone = net(x[row, chosen][None], gaps[row, chosen][None], Layout.whole(gaps[row, chosen][None]))[0]
            torch.testing.assert_close(packed[row, chosen], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("body", BODIES)
def test_nobody_looks_ahead_and_everybody_looks_at_the_newest(body: str) -> None:
    from regard.models.networks.layout import Layout

    net, (x, gaps) = tower(body), inputs(1)
    before = net(x, gaps, Layout.whole(gaps))
    x[0, 7] = x[0, 7].flip(0)  # adding one number would leave with the norm
    after = net(x, gaps, Layout.whole(gaps))
    torch.testing.assert_close(after[0, :7], before[0, :7])
    changed = (after - before).abs().amax(dim=-1)[0]
    assert changed[7] > 1e-3
    assert changed[8] > 1e-4  # the past is remembered


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("length", [1, 2, WINDOW])
def test_the_graph_says_what_the_module_says(body: str, length: int) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from regard.models.networks.layout import Layout
    from regard.models.networks.next_item import graph_of

    net, (x, gaps) = tower(body), inputs(1)
    session = onnxruntime.InferenceSession(graph_of(net, WIDTH), providers=["CPUExecutionProvider"])
    x, gaps = x[:, :length], gaps[:, :length]
    (found,) = session.run(None, {"vectors": x.numpy(), "gaps": gaps.numpy()})
    np.testing.assert_allclose(found, net(x, gaps, Layout.whole(gaps))[:, -1].detach().numpy(), atol=1e-4)
