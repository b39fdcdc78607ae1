"""Checkpoints: all that a training loop needs to go on as if it had never stopped, in one safetensors file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from regard.domain.errors import Conflict, InvalidInput

FILE = "checkpoint.safetensors"
Tensors = dict[str, Tensor]


@dataclass
class Standing:
    """Where a training stands: `batch` batches into epoch `epoch`, `taught` with examples, after `updates` updates."""

    epoch: int = 0
    batch: int = 0
    taught: int = 0
    updates: int = 0
    best: float | None = None
    best_epoch: int = -1
    losses: tuple[float, ...] = ()  # the mean of each finished epoch
    lost: float = 0.0  # the sum of the unfinished one


def write(folder: Path, tensors: Tensors, standing: Standing, order: Mapping[str, Any], identity: str) -> None:
    """Everything as one file, put in place by one rename. `order`: NumPy's generator as the epoch began."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    told = {"standing": json.dumps(asdict(standing)), "order": json.dumps(order), "identity": identity}
    fresh = folder / f".{FILE}.new"
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, fresh, metadata=told)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(folder / FILE)


def read(folder: Path, identity: str) -> tuple[Tensors, Standing, dict[str, Any]] | None:
    """What `write` wrote, or None where nothing stands; Conflict where it belongs to another training."""
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.exists():
        return None
    hint = "Delete it, or name another folder."
    try:
        with safe_open(path, framework="pt") as file:
            told = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        standing = json.loads(told["standing"])
        order = json.loads(told["order"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(str(path), "a checkpoint", str(error)[:200], hint) from error
    if told["identity"] != identity:
        raise Conflict(str(path), "a checkpoint of this recipe, data and seed", "that of another one", hint)
    return tensors, Standing(**{**standing, "losses": tuple(standing["losses"])}), order


def began(folder: Path) -> bool:
    """Whether a training has left something to go on from."""
    return (folder / FILE).exists()


def clear(folder: Path) -> None:
    """A training that ended leaves nothing to go on from."""
    (folder / FILE).unlink(missing_ok=True)
