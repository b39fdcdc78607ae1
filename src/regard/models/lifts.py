"""Lifts: what people (or moments) that say the same of themselves choose, as far as the counts can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import sparse_arrays, sparse_matrix
from regard.domain.arrays import Array, Scores
from regard.models.fields import MISSING, Fields, Said


@dataclass(frozen=True, eq=False)
class Lifts:
    """S segments out of `fields`: shares (S, I) of the choices made there, and `trust` (S,) in each, in 0..1.

    The estimate of a segment's share is p_i + trust_s (share_si - p_i) with p = `base` (I,), the shares of everybody.
    """

    fields: Fields
    columns: NDArray[np.int64]  # (S,) the column of `fields` that makes each segment
    trust: Scores
    shares: sparse.csr_array
    base: Scores

    @staticmethod
    def learn(fields: Fields, said: sparse.csr_array, chosen: sparse.csr_array, at_least: int) -> Lifts:
        """From what R rows say, `fields.read` (R, F), and what they chose (R, I); segments of `at_least` rows.

        Empirical Bayes: true shares scatter round p with variance p (1 - p) / (1 + m), one m for each field, found by
        moments: what the observed shares scatter, less what R rows as they are scatter by chance. Then trust is
        n_s / (n_s + m) for n_s choices. A field whose segments differ by no more than chance is not trusted at all.
        """
        words = [(place, name) for (name, word), place in fields.words.items() if word != MISSING]
        columns = np.array([place for place, _ in words], np.int64)
        of_field = np.array([name for _, name in words], np.str_)
        chosen = sparse.csr_array(chosen, dtype=np.float64)
        member = sparse.csr_array(said[:, columns] > 0, dtype=np.float64)
        counts = sparse.csr_array(member.T @ chosen)
        total, n = float(chosen.sum()), np.asarray(counts.sum(axis=1))
        base = np.asarray(chosen.sum(axis=0)) / max(total, 1.0)
        kept = (np.asarray(member.sum(axis=0)) >= at_least) & (n > 0)
        shares = sparse.csr_array(sparse.diags_array(1 / np.maximum(n, 1.0)) @ counts)
        true = _scatter(shares, np.ones(len(n)), base) - _noise(member, chosen, base, n) * (1 - n / max(total, 1.0))
        trust = np.zeros(len(n))
        for name in np.unique(of_field[kept]):
            own = kept & (of_field == name)
            rho = min(1.0, float(true[own].mean() / max(float(base @ (1 - base)), 1e-12)))  # 1 / (1 + m)
            trust[own] = rho * n[own] / (rho * n[own] + 1 - rho) if rho > 0 else 0.0
        kept = trust > 0
        return Lifts(fields, columns[kept], trust[kept], shares[np.flatnonzero(kept)], base)

    def belonging(self, said: Sequence[Said]) -> sparse.csr_array:
        """How far each of Q rows belongs to each segment, times the trust in it, (Q, S); m values of a field share."""
        rows = sparse.csr_array(self.fields.read(said)[:, self.columns], dtype=np.float64)
        rows.data **= 2  # 1 / sqrt(m) each -> 1 / m
        return sparse.csr_array(rows @ sparse.diags_array(self.trust)) if len(self.trust) else rows

    def lifts(self, said: Sequence[Said]) -> Scores:
        """What is added to the shares of everybody, (Q, I)."""
        belonging = self.belonging(said)
        return np.asarray((belonging @ self.shares).toarray() - np.outer(belonging.sum(axis=1), self.base))

    def parts(self, said: Said, row: int) -> Mapping[str, float]:
        """The lift of item `row` by segment, the largest first; the amounts sum to the lift."""
        own = self.belonging([said])
        amounts = own.data * (self.shares[own.indices][:, [row]].toarray()[:, 0] - self.base[row])
        found = zip((self._name(int(column)) for column in self.columns[own.indices]), amounts.tolist(), strict=True)
        return dict(sorted(found, key=lambda pair: -pair[1]))

    def _name(self, column: int) -> str:
        """ "gender F", "age 25 to 31"."""
        name, word = self.fields.columns[column]
        if self.fields.kinds[name] == "word":
            return f"{name} {word}"
        edges, place = self.fields.edges[name], int(word)
        below, above = edges[place - 1 : place], edges[place : place + 1]
        bounds = " to ".join(f"{edge:g}" for edge in (*below, *above))
        return f"{name} {bounds if below and above else f'from {bounds}' if below else f'below {bounds}'}"

    def arrays(self, prefix: str) -> dict[str, Array]:
        """As an artifact keeps it, under names that start with `prefix`."""
        plain = {f"{prefix}.columns": self.columns, f"{prefix}.trust": self.trust, f"{prefix}.base": self.base}
        return plain | sparse_arrays(f"{prefix}.shares", self.shares) | self.fields.arrays(f"{prefix}.fields")

    @staticmethod
    def from_arrays(prefix: str, arrays: Mapping[str, Array]) -> Lifts:
        """As they were."""
        columns, trust, base = (arrays[f"{prefix}.{name}"] for name in ("columns", "trust", "base"))
        shares = sparse_matrix(f"{prefix}.shares", arrays)
        return Lifts(Fields.from_arrays(f"{prefix}.fields", arrays), columns, trust, shares, base)


def _scatter(rows: sparse.csr_array, size: Scores, base: Scores) -> Scores:
    """sum_i (x_ri - size_r p_i)^2 of each row of a sparse matrix, (R,)."""
    squares = np.asarray(rows.multiply(rows).sum(axis=1))
    return np.asarray(squares - 2 * size * (rows @ base) + size**2 * float(base @ base))


def _noise(member: sparse.csr_array, chosen: sparse.csr_array, base: Scores, n: Scores) -> Scores:
    """How much the shares of each segment scatter because other rows might have come, (S,); rows are independent."""
    of_rows = _scatter(chosen, np.asarray(chosen.sum(axis=1)), base)
    return np.asarray((member.T @ of_rows) / np.maximum(n, 1.0) ** 2)
