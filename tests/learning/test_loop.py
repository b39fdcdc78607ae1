"""The loop: a known answer, resume bit for bit from any update, early stopping, accumulation, errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regard.domain.errors import Conflict, InvalidInput
from regard.domain.run import Run
from regard.learning.plan import Plan

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'regard[deep]'")
pytestmark = pytest.mark.deep

PLAN = Plan(epochs=4, rate=0.05, every=1)


@dataclass(frozen=True)
class Points:
    """y = x w for known w, shuffled in every epoch."""

    size: int = 8
    n: int = 48
    identity: str = "points"

    def __len__(self) -> int:
        return -(-self.n // self.size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Any]:
        x = np.random.default_rng(1).normal(size=(self.n, 3)).astype(np.float32)
        y = x @ np.array([1.0, -2.0, 0.5], np.float32)
        order = rng.permutation(self.n)
        for start in range(0, self.n, self.size):
            chosen = order[start : start + self.size]
            yield torch.from_numpy(x[chosen]), torch.from_numpy(y[chosen])


def module(dropout: float = 0.0) -> Any:
    from regard.learning.loop import seeded

    with seeded(0):
        return torch.nn.Sequential(torch.nn.Dropout(dropout), torch.nn.Linear(3, 1, bias=False))


def loss(found: Any, batch: Any) -> Any:
    return (found(batch[0])[:, 0] - batch[1]) ** 2


def learn(net: Any, plan: Plan, run: Run, points: Points | None = None) -> Any:
    from regard.learning.loop import loop
    from regard.learning.steps import plain

    return loop(net, loss, plain, points or Points(), plan, run)


def weights(net: Any) -> list[list[float]]:
    found: list[list[float]] = net[1].weight.tolist()
    return found


def test_it_finds_what_the_data_say() -> None:
    net = module()
    told = learn(net, Plan(epochs=60, rate=0.1, decay=0.0), Run())
    np.testing.assert_allclose(weights(net), [[1.0, -2.0, 0.5]], atol=0.01)
    assert told.losses[-1] < 1e-3 < told.losses[0]
    assert len(told.losses) == 60
    assert not net.training


class StopError(Exception):
    """The power went."""


@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("last", [1, 2, 3, 4, 7])
def test_it_goes_on_bit_for_bit_after_any_update(last: int, accumulate: int, tmp_path: Path) -> None:
    """Dropout draws from torch, the order from NumPy; both must go on, and so must AdamW's moments."""
    plan = replace(PLAN, accumulate=accumulate)
    whole, halved = module(0.3), module(0.3)
    expected = learn(whole, plan, Run(seed=5))
    seen = 0

    def stop(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen > last:
            raise StopError

    with pytest.raises(StopError):
        learn(halved, plan, Run(seed=5, folder=tmp_path, progress=stop))
    again = module(0.3)
    told = learn(again, plan, Run(seed=5, folder=tmp_path))
    assert weights(again) == weights(whole)
    assert told == expected
    assert not list(tmp_path.iterdir())  # a training that ended leaves nothing


def interrupted(folder: Path, plan: Plan = PLAN) -> None:
    def stop(what: str, told: Mapping[str, float]) -> None:
        raise StopError

    with pytest.raises(StopError):
        learn(module(), plan, Run(folder=folder, tracker=stop))


def test_another_trainings_checkpoint_is_refused(tmp_path: Path) -> None:
    interrupted(tmp_path)
    others = (
        (PLAN, Run(seed=1, folder=tmp_path), Points()),
        (replace(PLAN, rate=0.01), Run(folder=tmp_path), Points()),
        (PLAN, Run(folder=tmp_path), Points(identity="other")),
    )
    for plan, run, points in others:
        with pytest.raises(Conflict, match="checkpoint"):
            learn(module(), plan, run, points)
    assert len(learn(module(), PLAN, Run(folder=tmp_path)).losses) == PLAN.epochs


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.parametrize("sparse", [False, True])
def test_a_checkpoint_of_a_network_that_holds_other_data_is_refused(sparse: bool, tmp_path: Path) -> None:
    def holding(data: list[list[float]]) -> Any:
        net, held = module(), torch.tensor(data)
        net.register_buffer("held", held.to_sparse_csr() if sparse else held, persistent=False)
        return net

    def stop(*_: object) -> None:
        raise StopError

    with pytest.raises(StopError):
        learn(holding([[1.0, 2.0], [0.0, 3.0]]), PLAN, Run(folder=tmp_path, tracker=stop))
    for other in ([[1.0, 2.0], [0.0, 4.0]], [[1.0, 2.0], [3.0, 0.0]], [[1.0, 2.0]]):
        with pytest.raises(Conflict, match="checkpoint"):
            learn(holding(other), PLAN, Run(folder=tmp_path))
    assert len(learn(holding([[1.0, 2.0], [0.0, 3.0]]), PLAN, Run(folder=tmp_path)).losses) == PLAN.epochs


def test_an_epoch_is_told_before_it_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Killed right after a checkpoint, its epoch has been heard."""
    from regard.learning import checkpoints

    write, heard = checkpoints.write, list[str]()

    def killed(*args: Any) -> None:
        write(*args)
        raise StopError

    plan, run = replace(PLAN, epochs=2, every=99), Run(folder=tmp_path, tracker=lambda what, _: heard.append(what))
    monkeypatch.setattr(checkpoints, "write", killed)
    with pytest.raises(StopError):
        learn(module(), plan, run)
    monkeypatch.setattr(checkpoints, "write", write)
    learn(module(), plan, run)
    assert heard == ["epoch 1", "epoch 2"]


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    interrupted(tmp_path)
    file = next(tmp_path.iterdir())
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InvalidInput, match=file.name):
        learn(module(), PLAN, Run(folder=tmp_path))


@pytest.mark.parametrize("stopped", [False, True])
def test_it_stops_early_and_brings_the_best_back(stopped: bool, tmp_path: Path) -> None:
    """Figures 1, 3, 2, 2, ...: the best is epoch 1, and two worse ones end it; also after a resume in between.

    The epoch that is killed as it is told is not kept yet, so it is judged again.
    """
    figures, kept = iter([1.0, 3.0, 2.0, *([2.0] if stopped else []), 2.0, 9.0]), []

    def figure(net: Any) -> float:
        assert not net.training
        kept.append(weights(net))
        return next(figures)

    plan = replace(PLAN, epochs=9, figure=figure, patience=2)
    net, run = module(), Run(folder=tmp_path)
    if stopped:

        def stop(what: str, told: Mapping[str, float]) -> None:
            if what == "epoch 3":
                raise StopError

        with pytest.raises(StopError):
            learn(module(), plan, replace(run, tracker=stop))
    told = learn(net, plan, run)
    assert (told.figure, told.epoch, len(told.losses)) == (3.0, 1, 4)
    assert weights(net) == kept[1]


def test_gradients_of_small_batches_add_up_to_those_of_a_large_one() -> None:
    large, small = module(), module()
    learn(large, PLAN, Run(), Points(size=16))
    learn(small, replace(PLAN, accumulate=4), Run(), Points(size=4))
    np.testing.assert_allclose(weights(small), weights(large), atol=1e-5)


@dataclass(frozen=True)
class Sparse(Points):
    """The same, and behind each batch one without any point."""

    def __len__(self) -> int:
        return 2 * super().__len__()

    def epoch(self, rng: np.random.Generator) -> Iterator[Any]:
        for x, y in super().epoch(rng):
            yield from ((x, y), (x[:0], y[:0]))


def test_a_batch_without_an_example_teaches_nothing(tmp_path: Path) -> None:
    """Neither the gradient nor the mean loss is diluted by it, also after a resume; an update of it alone is none."""
    whole, sparse = module(), module()
    expected = learn(whole, PLAN, Run())
    plan = replace(PLAN, accumulate=2)

    def stop(_: str, share: float) -> None:
        if share > 0.4:
            raise StopError

    with pytest.raises(StopError):
        learn(module(), plan, Run(folder=tmp_path, progress=stop), Sparse())
    assert learn(sparse, plan, Run(folder=tmp_path), Sparse()) == expected
    assert weights(sparse) == weights(whole)
    assert learn(module(), Plan(epochs=60, rate=0.1, decay=0.0), Run(), Sparse()).losses[-1] < 1e-3


def test_it_tells_how_it_goes_and_leaves_torchs_generator_alone() -> None:
    shares: list[float] = []
    epochs: dict[str, Mapping[str, float]] = {}
    before = torch.get_rng_state().tolist()
    run = Run(progress=lambda _, share: shares.append(share), tracker=lambda what, told: epochs.update({what: told}))
    learn(module(0.5), PLAN, run)
    assert torch.get_rng_state().tolist() == before
    assert shares == [pytest.approx((n + 1) / 24) for n in range(24)]  # 6 batches in each of 4 epochs
    assert list(epochs) == [f"epoch {n}" for n in range(1, 5)]
    assert set(epochs["epoch 1"]) == {"loss", "rate"}


@pytest.mark.parametrize(("processor", "half"), [("AVX512", True), ("AVX2", False)])
def test_half_precision_learns_too_and_is_used_where_it_pays(
    monkeypatch: pytest.MonkeyPatch, processor: str, half: bool
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: processor)
    net, kinds = module(), set()
    net.register_forward_hook(lambda _, __, said: kinds.add(said.dtype))
    learn(net, Plan(epochs=60, rate=0.1, decay=0.0, precision="bfloat16"), Run())
    assert kinds == {torch.bfloat16 if half else torch.float32}
    np.testing.assert_allclose(weights(net), [[1.0, -2.0, 0.5]], atol=0.05)


def test_a_loss_that_is_no_number_is_an_error() -> None:
    from regard.learning.loop import loop
    from regard.learning.steps import plain

    with pytest.raises(InvalidInput, match="epoch 1, batch 1"):
        loop(module(), lambda net, batch: loss(net, batch) * float("nan"), plain, Points(), PLAN, Run())


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("epochs", 0), ("rate", 0.0), ("decay", -1.0), ("warm_up", 2.0), ("accumulate", 0), ("clip", 0), ("every", 0)],
)
def test_bounds(field: str, wrong: float) -> None:
    with pytest.raises(InvalidInput, match=rf"Plan\.{field}"):
        Plan(**{field: wrong})  # type: ignore[arg-type]
