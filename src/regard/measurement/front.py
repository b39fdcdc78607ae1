"""Front: which of several things are worth choosing from when no single figure decides."""

from __future__ import annotations

import numpy as np

from regard.domain.arrays import Mask, Scores


def front(worth: Scores) -> Mask:
    """The Pareto front of n things by m figures, higher is better: worth (n, m) -> (n,).

    A thing stands on it unless another one is at least as good in every figure and better in one. Equal things stand
    there together; a thing with an undefined figure never does.

    >>> front(np.array([[0.3, 0.1], [0.2, 0.2], [0.2, 0.1], [np.nan, 0.9]])).tolist()
    [True, True, False, False]
    """
    defined: Mask = np.asarray(np.isfinite(worth).all(axis=1))
    held = np.where(defined[:, None], worth, -np.inf)
    no_worse = (held[:, None, :] >= held[None, :, :]).all(axis=2)  # (n, n): row against column
    better = (held[:, None, :] > held[None, :, :]).any(axis=2)
    return np.asarray(defined & ~(no_worse & better).any(axis=0), np.bool_)
