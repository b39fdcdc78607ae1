"""Fitting the joint network: actions by cross-entropy, values by squared error; stopped by the newest examples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag

from regard.domain.arrays import Array, Vectors
from regard.domain.run import Run
from regard.learning.loop import loop, seeded
from regard.learning.losses import mse, multi_task_bce
from regard.learning.plan import Plan
from regard.learning.steps import plain
from regard.measurement.metrics.predictions import auc
from regard.models.networks.joint import Joint, Shape, Sizes
from regard.models.networks.meetings import Batch, Given, Inputs, Meetings, newest
from regard.models.tokens import ITEM, PERSON

STEPS, LEAST = 20, 16  # an epoch of few examples has so many batches, unless they would be smaller than this


@dataclass(frozen=True)
class Schooling:
    """What learns, and how; see `Deep`."""

    shape: Shape
    forgetting: float
    epochs: int
    batch: int
    rate: float
    decay: float
    patience: int
    share: float
    refit: bool
    watch: Literal["log_loss", "auc"]


@dataclass(frozen=True, eq=False)
class Beside:
    """The content table, when each example was, and which labels are values and no chances."""

    table: Array | None  # (I + 1, w)
    at: NDArray[np.float64]  # (n,)
    value: NDArray[np.bool_]  # (A,)


def fit_joint(
    how: Schooling, inputs: Inputs, given: Given, labels: NDArray[np.float32], beside: Beside, run: Run
) -> Joint:
    """The network after all epochs; `run.tracker` hears each of them. Values in `labels` are in deviations."""
    learning = Learning(how, inputs, beside.table, torch.from_numpy(beside.value))
    held = newest(beside.at, how.share)
    rest = learning.meetings(given.take(np.flatnonzero(~held)), labels[~held])
    judged = learning.meetings(given.take(np.flatnonzero(held)), labels[held])
    plan = Plan(how.epochs, how.rate, decay=how.decay, patience=how.patience)
    joint = learning.joint(run.seed)
    first = run if run.folder is None else replace(run, folder=run.folder / "first")
    plan = replace(plan, figure=(lambda module: learning.figure(module, judged)) if held.any() else None)
    learned = loop(joint, learning.loss, plain, rest, plan, first)
    if not how.refit or learned.epoch is None:
        return joint
    again = learning.joint(run.seed)
    loop(
        again,
        learning.loss,
        plain,
        learning.meetings(given, labels),
        replace(plan, epochs=learned.epoch + 1, figure=None),
        run,
    )
    return again


def tables_of(joint: Joint, inputs: Inputs, table: Array | None) -> tuple[Vectors, Vectors]:
    """What the content table says of each item, and items as events of a history; (I + 1, d) both."""
    n, d = inputs.n_items + 1, joint.shape.width
    content = np.zeros((n, d), np.float32)
    rows = np.arange(n)
    with torch.no_grad():
        if table is not None:
            parts = [joint.tabled(torch.from_numpy(table[rows[a : a + 1_024]])) for a in range(0, n, 1_024)]
            content = torch.cat(parts).numpy()
            content[-1] = 0.0
        past = _past(joint, inputs, table, rows).numpy()
    return content, past


class Learning:
    """What the loop needs: fresh networks, batches, the loss and the figure; `value` (A,) marks what is no chance."""

    def __init__(self, how: Schooling, inputs: Inputs, table: Array | None, value: Tensor) -> None:
        self.how, self.inputs, self.table, self.value = how, inputs, table, value

    def joint(self, seed: int) -> Joint:
        """A network that has learned nothing."""
        tokens, reads = self.inputs.tokens, self.how.shape.content
        person, item = (tuple(np.flatnonzero(tokens.side == side).tolist()) for side in (PERSON, ITEM))
        words = int(self.table.max()) + 1 if self.table is not None and reads == "convolution" else 0
        vectors = 0 if self.table is None or words else self.table.shape[1]
        sizes = Sizes(
            tokens.width, person, item, len(self.inputs.centre), len(self.value), self.inputs.types, vectors, words
        )
        with seeded(seed):
            return Joint(sizes, self.how.shape)

    def meetings(self, given: Given, labels: NDArray[np.float32]) -> Meetings:
        """Examples as batches, smaller ones where there are few examples."""
        size = min(self.how.batch, max(LEAST, len(labels) // STEPS))
        return Meetings(self.inputs, given, labels, size, self.how.forgetting, repr(self.how), self.table)

    def logits(self, joint: Joint, batch: Batch) -> Tensor:
        """(n, A)"""
        given, device = batch.given, joint.vectors.weight.device
        n, fields = len(given.item), len(self.inputs.tokens.side)

        def there(array: Array) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        cells, amounts = there(given.rows.indices.astype(np.int64)), there(given.rows.data)
        starts = there(given.rows.indptr[:-1].astype(np.int64))
        x = _bags(cells, joint.vectors.weight, there(batch.bags), amounts).view(n, fields, -1)
        events = _past(joint, self.inputs, self.table, given.past) + joint.types(there(given.actions))
        held = there(given.there)
        said = {"fields": x, "numbers": there(given.numbers), "events": events * held.unsqueeze(2), "there": held}
        said["weights"] = _bags(cells, joint.weights.weight, starts, amounts)
        said["read"] = joint.read(x[:, joint.head.person_fields], said["events"], held)
        said["content"] = self._content(joint, given.item, device) + joint.sequenced(x)
        found: Tensor = joint.head(said)
        return found

    def loss(self, joint: Joint, batch: Batch) -> Tensor:
        """(n,): cross-entropy of chances and squared errors of values, weighed by how many there are."""
        logits = self.logits(joint, batch)
        labels, value = torch.from_numpy(batch.labels).to(logits.device), self.value
        share = float(value.float().mean())
        chances = multi_task_bce(logits[:, ~value], labels[:, ~value]) * (1 - share)
        return chances + mse(logits[:, value], labels[:, value]) * share

    def figure(self, joint: Joint, judged: Meetings) -> float:
        """The mean AUC of the actions that have both labels, or the negative loss."""
        found = [(self.logits(joint, batch).cpu(), self.loss(joint, batch).cpu()) for batch in judged.all()]
        if self.how.watch == "log_loss":
            return -float(torch.cat([loss for _, loss in found]).mean())
        logits, areas = torch.cat([one for one, _ in found]).numpy(), []
        for column in np.flatnonzero(~self.value.numpy()):
            known = ~np.isnan(judged.labels[:, column])
            labels = judged.labels[known, column]
            if 0 < labels.sum() < len(labels):
                areas.append(auc(labels, logits[known, column]))
        return float(np.mean(areas)) if areas else 0.0

    def _content(self, joint: Joint, item: NDArray[np.int64], device: torch.device) -> Tensor:
        """What the content table says of the batch's items, each read once; zeros of unknown ones."""
        if self.table is None:
            return torch.zeros(len(item), joint.shape.width, device=device)
        known, place = np.unique(item, return_inverse=True)
        found = joint.tabled(torch.from_numpy(self.table[known]).to(device))
        unknown = torch.from_numpy(known == self.inputs.n_items).to(device)
        return found.masked_fill(unknown[:, None], 0.0)[torch.from_numpy(place).to(device)]


def _past(joint: Joint, inputs: Inputs, table: Array | None, rows: NDArray[np.int64]) -> Tensor:
    """Items as events: their identity, and what their vectors say; rows (...) -> (..., d)."""
    device = joint.vectors.weight.device
    tokens = torch.from_numpy(inputs.identities[rows]).to(device)
    found: Tensor = joint.vectors(tokens.clamp(min=0)) * (tokens >= 0).unsqueeze(-1).to(joint.vectors.weight.dtype)
    if joint.past is not None and table is not None:
        found = found + joint.past(torch.from_numpy(table[rows]).to(device))
    return found


def _bags(cells: Tensor, table: Tensor, starts: Tensor, amounts: Tensor) -> Tensor:
    """Weighted sums of table rows: cells, amounts (c,), where each bag starts (b,) -> (b, width)."""
    found: Tensor = embedding_bag(cells, table, starts, mode="sum", per_sample_weights=amounts)
    return found
