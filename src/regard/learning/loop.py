"""The one training loop: epochs, accumulation, early stopping, checkpoints that resume bit for bit."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from regard.domain.errors import InvalidInput
from regard.domain.run import Run
from regard.learning import checkpoints
from regard.learning.checkpoints import Standing, Tensors
from regard.learning.plan import Plan
from regard.learning.steps import Loss, Step

MODULE, BEST, OPTIMISER, RANDOM = "module.", "best.", "optimiser.", "random"
SMALL = 2**18  # parameters; a smaller network gains nothing from a second thread, and waits for it on a busy machine


class Batches(Protocol):
    """What a loop learns from. `identity` tells it from other data, so that no checkpoint crosses over."""

    @property
    def identity(self) -> str:
        """A hash of the examples and of how they are batched."""
        ...

    def __len__(self) -> int:
        """How many batches an epoch has."""
        ...

    def epoch(self, rng: np.random.Generator) -> Iterator[Any]:
        """The batches of one epoch; all that is random in them comes from `rng`, nothing from torch."""
        ...


@dataclass(frozen=True)
class Learned:
    """What a loop did: the mean loss of each epoch, the best figure and its epoch (from 0; None without a figure)."""

    losses: tuple[float, ...]
    figure: float | None
    epoch: int | None


def loop(module: nn.Module, loss: Loss, step: Step, batches: Batches, plan: Plan, run: Run) -> Learned:
    """Learn the parameters of `module` in place; it comes back in evaluation mode, with its best parameters.

    `step(module, loss, batch)` makes gradients: plain, private and adversarial ones differ there and nowhere here. The
    seed decides everything: torch's generator is set from it and given back as it was. With `run.folder` a checkpoint
    is kept there; the same call goes on from it bit for bit (same machine and threads), and clears it when it ends.
    It learns on `run.device` and comes back on the CPU. InvalidInput where the loss is not finite.
    """
    module.to(run.device)
    with seeded(run.seed), _threads(module):
        learned = _Training(module, loss, step, batches, plan, run).all()
    module.cpu()
    return learned


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's generator from `seed` inside, as it was before outside."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


@contextmanager
def _threads(module: nn.Module) -> Iterator[None]:
    """One thread inside for a `SMALL` module, as many as before outside."""
    before = torch.get_num_threads()
    small = sum(parameter.numel() for parameter in module.parameters()) < SMALL
    torch.set_num_threads(1 if small else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Training:
    """The loop's moving parts."""

    def __init__(self, module: nn.Module, loss: Loss, step: Step, batches: Batches, plan: Plan, run: Run) -> None:
        self.module, self.step, self.batches, self.plan, self.run = module, step, batches, plan, run
        device = torch.device(run.device).type
        self.loss, self.on_gpu = _in_precision(loss, plan, device), device == "cuda"
        self.optimiser = torch.optim.AdamW(module.parameters(), lr=plan.rate, weight_decay=plan.decay, fused=True)
        self.updates = plan.epochs * math.ceil(len(batches) / plan.accumulate)
        self.standing = Standing()
        self.best: Tensors = {}
        self.rng = run.rng()
        self.order: Any = deepcopy(self.rng.bit_generator.state)  # as the current epoch began

    def all(self) -> Learned:
        self._resume()
        while self.standing.epoch < self.plan.epochs and len(self.batches) and not self._over():
            self._epoch()
        if self.best:
            self.module.load_state_dict(self.best)
        self.module.eval()
        if self.run.folder is not None:
            checkpoints.clear(self.run.folder)
        best = self.standing.best
        return Learned(self.standing.losses, best, None if best is None else self.standing.best_epoch)

    def _over(self) -> bool:
        told = self.standing.best is not None
        return told and self.standing.epoch - 1 - self.standing.best_epoch >= self.plan.patience

    def _epoch(self) -> None:
        self.order = deepcopy(self.rng.bit_generator.state)
        self.module.train()
        self.optimiser.zero_grad()
        at, taught = self.standing, self.standing.taught
        for batch in islice(self.batches.epoch(self.rng), at.batch, None):
            if (lost := self.step(self.module, self.loss, batch)) is not None:
                at.lost, at.taught = at.lost + self._finite(lost), at.taught + 1
            at.batch += 1
            if at.batch % self.plan.accumulate == 0 or at.batch == len(self.batches):
                self._update(at.taught - taught)
                taught = at.taught
                if at.updates % self.plan.every == 0 and at.batch < len(self.batches):
                    self._keep()
        self._judge()

    def _update(self, batches: int) -> None:
        """One step of the optimiser on the mean of the gradients of the `batches` batches that taught."""
        parameters = [p for p in self.module.parameters() if p.grad is not None]
        for parameter in parameters:
            if batches > 1 and parameter.grad is not None:
                parameter.grad /= batches
        nn.utils.clip_grad_norm_(parameters, self.plan.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate_at(self.standing.updates, self.updates)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.standing.updates += 1
        self.run.progress("training", min(1.0, self.standing.updates / max(1, self.updates)))

    def _judge(self) -> None:
        """The epoch is over: its loss, its figure, the best parameters so far, a checkpoint."""
        at = self.standing
        told = {"loss": at.lost / max(1, at.taught), "rate": self.plan.rate_at(at.updates, self.updates)}
        if self.plan.figure is not None:
            self.module.eval()
            with torch.no_grad():
                told["figure"] = float(self.plan.figure(self.module))
            if at.best is None or told["figure"] > at.best:
                at.best, at.best_epoch = told["figure"], at.epoch
                self.best = {name: tensor.clone() for name, tensor in self.module.state_dict().items()}
        at.losses, at.lost, at.epoch = (*at.losses, told["loss"]), 0.0, at.epoch + 1
        at.batch = at.taught = 0
        self.order = deepcopy(self.rng.bit_generator.state)
        self.run.tracker(f"epoch {at.epoch}", told)
        self._keep()  # last: a kill in between tells the epoch twice, not never

    def _finite(self, loss: float) -> float:
        if not math.isfinite(loss):
            where = f"epoch {self.standing.epoch + 1}, batch {self.standing.batch + 1}"
            raise InvalidInput("loop", "a finite loss", f"{loss} in {where}", "Lower the learning rate.")
        return loss

    @cached_property
    def identity(self) -> str:
        """A hash of all that decides what is learned; buffers that are not learned are data, attributes say."""
        plan = {f.name: getattr(self.plan, f.name) for f in fields(Plan) if f.name not in ("figure", "every")}
        shapes = {name: list(tensor.shape) for name, tensor in self.module.state_dict().items()}
        held = [(name, _hash(buffer)) for name, buffer in self.module.named_buffers() if name not in shapes]
        told = [plan, self.plan.figure is not None, self.batches.identity, self.run.seed, shapes, held]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def _keep(self) -> None:
        if self.run.folder is None:
            return
        tensors: Tensors = {MODULE + name: tensor for name, tensor in self.module.state_dict().items()}
        tensors |= {BEST + name: tensor for name, tensor in self.best.items()}
        for place, kept in self.optimiser.state_dict()["state"].items():
            tensors |= {f"{OPTIMISER}{place}.{name}": tensor for name, tensor in kept.items()}
        tensors[RANDOM] = torch.get_rng_state()
        for place, state in enumerate(torch.cuda.get_rng_state_all() if self.on_gpu else ()):
            tensors[f"{RANDOM}.{place}"] = state
        checkpoints.write(self.run.folder, tensors, self.standing, self.order, self.identity)

    def _resume(self) -> None:
        found = None if self.run.folder is None else checkpoints.read(self.run.folder, self.identity)
        if found is None:
            return
        tensors, self.standing, self.order = found
        self.module.load_state_dict(_under(MODULE, tensors))
        self.best = _under(BEST, tensors)
        kept: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under(OPTIMISER, tensors).items():
            place, what = name.split(".", 1)
            kept.setdefault(int(place), {})[what] = tensor
        self.optimiser.load_state_dict({"state": kept, "param_groups": self.optimiser.state_dict()["param_groups"]})
        self.rng.bit_generator.state = self.order
        torch.set_rng_state(tensors[RANDOM])
        torch.cuda.set_rng_state_all(list(_under(f"{RANDOM}.", tensors).values()))


def _hash(tensor: Tensor) -> str:
    """Of its bytes, and of its place in memory nothing."""
    sparse = tensor.layout == torch.sparse_csr
    parts = [tensor.crow_indices(), tensor.col_indices(), tensor.values()] if sparse else [tensor]
    whole = hashlib.sha256()
    for part in parts:
        whole.update(f"{part.dtype} {list(part.shape)}".encode())
        whole.update(part.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return whole.hexdigest()


def _under(start: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _in_precision(loss: Loss, plan: Plan, device: str) -> Loss:
    pays = device != "cpu" or torch.backends.cpu.get_cpu_capability() == "AVX512"  # elsewhere it is emulated: 7x slower

    def cast(module: nn.Module, batch: Any) -> Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=pays and plan.precision == "bfloat16"):
            found: Tensor = loss(module, batch)
            return found

    return cast
