"""LightGraph: item vectors spread over the graph of people, items and labels; nothing else is learned."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

START = 0.1  # deviation of the first vectors (He et al. 2020)


class LightGraph(nn.Module):
    """LightGCN (He et al. 2020, eq. 3 and 4) for people who have no vector of their own.

    With R (N, I) the normalised edges of people and labels to items, h_0 = E and g_0 = (0 for people, L for labels):
    g_k = R h_k-1 and h_k = R' g_k-1; items are the mean of h_0 .. h_K, people that of g_0 .. g_K. As g_0 is 0 for
    people, a person is their row of R times (h_0 + ... + h_K-1) / (K + 1): a sum over what they met, for anybody.
    An item that nobody met has no vector of its own in E, so its labels speak for it.
    """

    there: Tensor
    back: Tensor
    met: Tensor

    def __init__(self, normal: sparse.csr_array, met: NDArray[np.bool_], labels: int, layers: int, width: int) -> None:
        """normal: R (N, I), whose last `labels` rows are labels. met: (I,), whom any person met."""
        super().__init__()
        n, items = normal.shape
        self.layers, self.first_label = layers, n - labels
        self.items = nn.Parameter(START * torch.randn(items, width))
        self.labels = nn.Parameter(START * torch.randn(labels, width)) if labels else None
        self.register_buffer("there", _compressed(normal), persistent=False)
        self.register_buffer("back", _compressed(normal.T.tocsr()), persistent=False)
        self.register_buffer("met", torch.from_numpy(met.astype(np.float32))[:, None], persistent=False)

    def forward(self) -> tuple[Tensor, Tensor]:
        """What items are, and what they add to whoever met them, both (I, d): the means of h_0..h_K and of h_0..h_K-1,
        the latter over K + 1, too. Without labels every second h is 0.
        """
        spread: list[Tensor | None] = [self.items * self.met, self._labelled()]
        while len(spread) <= self.layers:
            before = spread[-2]
            spread.append(None if before is None else self._carried(self._carried(before, "there"), "back"))
        known = [(place, h) for place, h in enumerate(spread) if h is not None]
        final = torch.stack([h for _, h in known]).sum(dim=0) / (self.layers + 1)
        past = torch.stack([h for place, h in known if place < self.layers]).sum(dim=0) / (self.layers + 1)
        return final, past

    def people(self, past: Tensor, person: Tensor, item: Tensor, share: Tensor) -> Tensor:
        """Each person without the item that is asked about (FISM, Kabbur et al. 2013): rows (n,) -> (n, d).

        The target is no part of the past at request time either; with it a network learns to name what it was told.
        `share` (n,): the entries of R at (person, item).
        """
        whole = self._carried(past, "there")
        return whole[person] - share[:, None] * past[item]

    def _labelled(self) -> Tensor | None:
        """h_1 = R' g_0, (I, d)."""
        if self.labels is None:
            return None
        nobody = self.labels.new_zeros(self.first_label, self.labels.shape[1])
        return self._carried(torch.cat([nobody, self.labels]), "back")

    def _carried(self, vectors: Tensor, way: str) -> Tensor:
        """R (I, d) -> (N, d) "there", R' (N, d) -> (I, d) "back"."""
        ways = (self.there, self.back) if way == "there" else (self.back, self.there)
        found: Tensor = _Product.apply(vectors, *ways)  # type: ignore[no-untyped-call]
        return found


class _Product(torch.autograd.Function):
    """A sparse matrix times vectors, where the transposed matrix is at hand for the gradient."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        ctx.transposed = transposed
        found: Tensor = torch.sparse.mm(matrix, vectors)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return torch.sparse.mm(ctx.transposed, gradients[0].contiguous()), None, None


def _compressed(matrix: sparse.csr_array) -> Tensor:
    """The same matrix for torch, float32."""
    pointers, columns = (torch.from_numpy(a.astype(np.int64)) for a in (matrix.indptr, matrix.indices))
    shares = torch.from_numpy(matrix.data.astype(np.float32))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support")  # torch calls it beta, and keeps it
        return torch.sparse_csr_tensor(pointers, columns, shares, matrix.shape, check_invariants=True)
