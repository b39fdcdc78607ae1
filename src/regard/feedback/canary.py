"""Canaries: which people get the lists of a release on trial, the same people at each of their requests."""

from __future__ import annotations

import hashlib

STEPS = 1 << 32


def gets_canary(user: str, release: str, share: float) -> bool:
    """Whether `user` belongs to the `share` of people that `release` is tried with.

    By a hash of both names: sticky without memory, a fresh draw for each release, and whoever is in at a share stays
    in at a larger one.

    >>> [gets_canary("ann", "0002", share) for share in (0.0, 0.1, 1.0)]
    [False, False, True]
    """
    drawn = int.from_bytes(hashlib.sha256(f"{release}\x1f{user}".encode()).digest()[:4], "big")
    return drawn < share * STEPS
