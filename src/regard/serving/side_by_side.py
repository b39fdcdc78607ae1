"""Side by side: calls that mostly let go of the interpreter's lock, on processors that would otherwise wait."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from regard.recommending.recommender import Calls

MOST = 4  # helpers of an installation: there are not many more sources


class SideBySide:
    """What each call gives, in their order. The caller works too, from the last one down: it waits for nobody but those
    who have begun, however busy the helpers are with others.
    """

    def __init__(self, helpers: int) -> None:
        self._helpers = ThreadPoolExecutor(helpers, "regard-helper")

    def __call__(self, calls: Calls) -> list[Any]:
        """(n,); an exception of a call is raised here, while others may go on."""
        begun = [self._helpers.submit(call) for call in calls[:-1]]
        waiting = zip(reversed(calls), (None, *reversed(begun)), strict=False)
        return [call() if one is None or one.cancel() else one.result() for call, one in waiting][::-1]


def helpers_of(workers: int) -> int:
    """How many threads beside the one that walks each of `workers` processes may keep busy on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(0, min(MOST, cores // workers - 1))
