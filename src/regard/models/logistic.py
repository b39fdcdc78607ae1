"""Logistic: logistic regression over everything that an example says, the plain baseline of every deep learner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from regard.data.artifacts import Artifact, sparse_arrays, sparse_matrix
from regard.domain.arrays import Array, Vectors
from regard.domain.errors import InvalidInput
from regard.domain.run import Run
from regard.models.examples import Examples
from regard.models.networks.meetings import Given, Inputs, newest
from regard.models.scoring import recipe_from
from regard.models.words import RARE, WORDS


@dataclass(frozen=True)
class Logistic:
    """P = s(w . x + b), by L-BFGS on log-loss + l2 |w|^2 / 2n, over identities, fields, numbers and the words of items.

    l2: penalties to choose from by the log-loss of the newest `share` of the examples; with `refit` the best one is
    fitted again on all of them. ids: who and what count as themselves.
    """

    l2: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0, 30.0)
    ids: bool = True
    share: float = 0.1
    refit: bool = True

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("l2", len(self.l2) > 0 and min(self.l2) > 0, "numbers > 0"),
            ("share", 0 < self.share < 1, "a share in (0, 1)"),
        ):
            if not fits:
                raise InvalidInput(f"Logistic.{name}", expected, repr(getattr(self, name)))

    @property
    def window(self) -> int:
        """It reads no order of events."""
        return 0

    def fit(
        self,
        examples: Examples,
        labels: NDArray[np.float32],
        content: Mapping[str, Vectors],
        *,
        run: Run = Run(),  # noqa: B008
    ) -> LearnedLogistic:
        """See `examples.Learner`; labels are 0, 1 or NaN. Of `content` it reads the words."""
        if np.any((labels != 0) & (labels != 1) & ~np.isnan(labels)):
            raise InvalidInput("Logistic.fit labels", "0, 1 or NaN", "other values", "Take Deep for values.")
        n_items = max([int(examples.item.max(initial=-1)) + 1, *(len(one) for one in content.values())])
        inputs, words = Inputs.learn(examples, self.ids, 0, n_items), _bag(content, n_items)
        x, held = _row(inputs.read(examples), words), newest(examples.at, self.share)
        weights = np.zeros((labels.shape[1], x.shape[1] + 1))
        for action, column in enumerate(labels.T):
            weights[action] = self._column(x, column.astype(np.float64), held)
        return LearnedLogistic(self, inputs, words, weights)

    def _column(self, x: sparse.csr_array, labels: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The weights of one action, the last of them the constant."""
        known = ~np.isnan(labels)
        seen, judged = known & ~held, known & held
        start = np.zeros(x.shape[1] + 1)
        found = [_least(x[seen], labels[seen], l2, start) for l2 in self.l2] if judged.any() else [start]
        losses = [_loss(one, x[judged], labels[judged], 0.0)[0] if judged.any() else 0.0 for one in found]
        best = int(np.argmin(losses))
        if not self.refit and judged.any():
            return found[best]
        return _least(x[known], labels[known], self.l2[best], found[best])


@dataclass(frozen=True, eq=False)
class LearnedLogistic:
    """One row of weights for each action."""

    recipe: Logistic
    inputs: Inputs
    words: sparse.csr_array  # (I + 1, V)
    weights: NDArray[np.float64]  # (A, T + 2f + V + 1)

    def chances(self, examples: Examples) -> NDArray[np.float64]:
        """(n,) -> (n, A)"""
        x = _row(self.inputs.read(examples), self.words)
        logits = x @ self.weights[:, :-1].T + self.weights[:, -1]
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -500, 500))))

    def artifact(self) -> Artifact:
        """The weights and how examples are read."""
        arrays: dict[str, Array] = {
            "weights": self.weights,
            **self.inputs.arrays(),
            **sparse_arrays("words", self.words),
        }
        return Artifact("logistic", asdict(self.recipe), arrays)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> LearnedLogistic:
        """The same, bit for bit."""
        stored: dict[str, Any] = {**artifact.recipe, "l2": tuple(artifact.recipe["l2"])}
        arrays = artifact.arrays
        inputs, words = Inputs.from_arrays(arrays), sparse_matrix("words", arrays)
        return cls(recipe_from(Logistic, stored), inputs, words, arrays["weights"])


def _bag(content: Mapping[str, Vectors], n_items: int) -> sparse.csr_array:
    """Which words each item's text bears, rows of length 1, (I + 1, V); the last row is nothing."""
    words = np.asarray(content.get(WORDS, np.empty((n_items, 0))), np.int64)
    row, place = np.nonzero(words > RARE)
    cells = (np.ones(len(row)), (row, words[row, place]))
    bag = sparse.csr_array(cells, shape=(n_items + 1, int(words.max(initial=-1)) + 1))
    bag.data[:] = 1.0  # how often does not count
    length = np.sqrt(np.maximum(np.diff(bag.indptr), 1))
    return sparse.csr_array(sparse.diags_array(1 / length) @ bag)


def _row(given: Given, words: sparse.csr_array) -> sparse.csr_array:
    return sparse.csr_array(sparse.hstack([given.rows, given.numbers, words[given.item]], format="csr", dtype=float))


def _least(x: sparse.csr_array, y: NDArray[np.float64], l2: float, start: NDArray[np.float64]) -> NDArray[np.float64]:
    found = minimize(_loss, start, (x, y, l2), "L-BFGS-B", jac=True, options={"maxiter": 200})
    return np.asarray(found.x)


def _loss(w: NDArray[np.float64], x: sparse.csr_array, y: NDArray[np.float64], l2: float) -> tuple[float, Array]:
    """The mean log-loss with its penalty, and the gradient; the constant is not penalised."""
    n = max(1, len(y))
    logits = x @ w[:-1] + w[-1]
    off = 1 / (1 + np.exp(-np.clip(logits, -500, 500))) - y
    value = float((np.logaddexp(0.0, logits) - y * logits).mean()) + l2 * float(w[:-1] @ w[:-1]) / (2 * n)
    return value, np.r_[(x.T @ off + l2 * w[:-1]) / n, off.sum() / n]
