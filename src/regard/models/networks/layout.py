"""Layout: which events of packed rows belong together, and how far each stands from the start of its piece."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """segment and position (B, L); `single`: each row is one whole piece."""

    segment: Tensor
    position: Tensor
    single: bool = False

    @staticmethod
    def of(segment: Tensor) -> Layout:
        """Positions count from 0 at the start of each piece."""
        place = _places(segment).expand_as(segment)
        begins = torch.ones_like(segment, dtype=torch.bool)
        begins[:, 1:] = segment[:, 1:] != segment[:, :-1]
        start = torch.where(begins, place, 0).cummax(dim=1).values
        return Layout(segment, place - start)

    @staticmethod
    def whole(items: Tensor) -> Layout:
        """Rows (B, L) of one piece each."""
        zeros = torch.zeros_like(items)
        return Layout(zeros, zeros + _places(items), single=True)

    def visible(self) -> Tensor:
        """Which events each event may look at: its own piece up to itself, (B, L, L)."""
        place = _places(self.segment)
        return (self.segment[:, :, None] == self.segment[:, None, :]) & (place[:, None] >= place[None, :])

    def distance(self) -> Tensor:
        """How many events back, (L, L), 0 for the future."""
        place = _places(self.segment)
        return (place[:, None] - place[None, :]).clamp(min=0)


def _places(rows: Tensor) -> Tensor:
    """0, 1, ... along rows (B, L), (L,)."""
    return torch.arange(rows.shape[1], device=rows.device)
