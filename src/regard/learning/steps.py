"""Steps: how one batch becomes gradients; a plain one today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Loss: TypeAlias = Callable[[Any, Any], Any]  # (module, batch) -> (n,) one number per example, with its graph
# (module, loss, batch) -> the mean loss, None where no example teaches; adds to the gradients
Step: TypeAlias = Callable[[Any, Loss, Any], float | None]


def plain(module: Any, loss: Loss, batch: Any) -> float | None:
    """The gradient of the mean loss of the batch; none where it holds no example."""
    each = loss(module, batch)
    if not len(each):
        return None
    mean = each.mean()
    mean.backward()
    return float(mean.detach())
