"""Canaries: which visits get the lists of a release on trial; a visit keeps one release to its end."""

from __future__ import annotations

import hashlib

VISIT = 1800.0  # seconds: the clock is cut into pieces, and a person's requests in one piece are a visit
STEPS = 1 << 32


def gets_canary(user: str, release: str, share: float, at: float, visit: float = VISIT) -> bool:
    """Whether the visit of `user` at `at` (unix seconds) belongs to the `share` that `release` is tried with.

    By a hash of person, release and visit: sticky without memory, and who is in at a share stays in at a larger one.
    Each visit is drawn anew, so that nobody is the canary for good, and so that the guard compares visits that a coin
    has dealt: people differ more than releases do, and a tenth of few people, dealt once, can be unlike the others.

    >>> [gets_canary("ann", "0002", share, 1e9) for share in (0.0, 0.1, 1.0)]
    [False, False, True]
    """
    told = f"{release}\x1f{int(at // visit)}\x1f{user}".encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:4], "big") < share * STEPS
