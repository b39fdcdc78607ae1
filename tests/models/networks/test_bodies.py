"""Bodies: a piece of a packed row is read as if it stood alone, and nobody looks ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'regard[deep]'")
pytestmark = pytest.mark.deep

BODIES = ("gru", "lstm", "convolution", "transformer", "hstu")
WIDTH, WINDOW = 8, 12


def tower(body: str) -> Any:
    from regard.learning.loop import seeded
    from regard.models.networks.people import Tower, body_of

    with seeded(1):
        found = Tower(body_of(body, WIDTH, 2, WINDOW, 0.3), WIDTH, 0.3, (3, 4, 5)).eval()
        for parameter in found.parameters():
            parameter.data.normal_(std=0.4)  # also those that begin at zero
        return found


def inputs(rows: int) -> dict[str, Any]:
    """What NextItem would give, (rows, WINDOW, ...), by the names of the graph's inputs."""
    rng = np.random.default_rng(rows)
    shape = (rows, WINDOW)

    def codes(most: int, *more: int) -> Any:
        return torch.from_numpy(rng.integers(0, most, (*shape, *more)))

    def real(*more: int) -> Any:
        return torch.from_numpy(rng.normal(size=(*shape, *more)).astype(np.float32))

    def alike(column: Any) -> Any:
        """The same at every place of a row."""
        return column[:, :1].expand_as(column)

    return {
        "vectors": real(WIDTH),
        "gaps": codes(5),
        "actions": codes(4),
        "values": real(),
        "person": alike(codes(5, 2)),
        "person_weight": alike(real(2)),
        "moment": alike(codes(6, 3)),
        "moment_weight": alike(real(3)),
        "earlier": alike(real(WIDTH)),
    }


def seen(held: dict[str, Any]) -> Any:
    from regard.models.networks.bags import Bag
    from regard.models.networks.people import Beside, Met

    person, moment = Bag(held["person"], held["person_weight"]), Bag(held["moment"], held["moment_weight"])
    before = torch.ones_like(held["gaps"], dtype=torch.bool)
    met = Met(held["vectors"], held["gaps"], held["actions"], held["values"])
    return met, Beside(person, moment, held["earlier"], before)


@pytest.mark.parametrize("body", BODIES)
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.lists(st.booleans(), min_size=WINDOW, max_size=WINDOW), min_size=1, max_size=3))
def test_a_piece_is_read_as_if_it_stood_alone(body: str, cuts: list[list[bool]]) -> None:
    from regard.models.networks.layout import Layout

    net, held = tower(body), inputs(len(cuts))
    segment = torch.tensor(cuts).long().cumsum(dim=1)
    packed = net(*seen(held), Layout.of(segment))[0]
    for row in range(len(cuts)):
        for piece in segment[row].unique():
            chosen = segment[row] == piece
            own = {name: column[row, chosen][None] for name, column in held.items()}
            alone = net(*seen(own), Layout.whole(own["gaps"]))[0][0]
            torch.testing.assert_close(packed[row, chosen], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("body", BODIES)
def test_nobody_looks_ahead_and_everybody_looks_at_the_newest(body: str) -> None:
    from regard.models.networks.layout import Layout

    net, held = tower(body), inputs(1)
    before = net(*seen(held), Layout.whole(held["gaps"]))[2]
    held["vectors"][0, 7] = held["vectors"][0, 7].flip(0)  # adding one number would leave with the norm
    after = net(*seen(held), Layout.whole(held["gaps"]))[2]
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

    net = tower(body)
    held = {name: column[:, :length] for name, column in inputs(1).items()}
    session = onnxruntime.InferenceSession(graph_of(net, WIDTH), providers=["CPUExecutionProvider"])
    one = {"vectors", "gaps", "actions", "values"}
    given = {name: (column if name in one else column[:, 0]).numpy() for name, column in held.items()}
    fused, gates = session.run(None, given)
    people, expected, _ = net(*seen(held), Layout.whole(held["gaps"]))
    np.testing.assert_allclose(fused, people[:, -1].detach().numpy(), atol=1e-4)
    np.testing.assert_allclose(gates, expected[:, -1].detach().numpy(), atol=1e-5)
    assert gates.sum() == pytest.approx(1.0, abs=1e-6)
