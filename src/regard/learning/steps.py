"""Steps: how one batch becomes gradients; a plain one today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Loss: TypeAlias = Callable[[Any, Any], Any]  # (module, batch) -> (n,) one number per example, with its graph
Step: TypeAlias = Callable[[Any, Loss, Any], float]  # (module, loss, batch) -> the mean loss; adds to the gradients


def plain(module: Any, loss: Loss, batch: Any) -> float:
    """The gradient of the mean loss of the batch."""
    mean = loss(module, batch).mean()
    mean.backward()
    return float(mean.detach())
