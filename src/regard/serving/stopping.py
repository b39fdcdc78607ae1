"""Stopping: a process that is told to stop lets go of what it holds; the embedded server ends with its last client."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
from types import FrameType

STOPPED = 128 + signal.SIGTERM  # the exit code that shells know


def leave_on_sigterm() -> None:
    """From now on SIGTERM leaves as `sys.exit(STOPPED)` does, through every `with` and `finally`.

    What memory then still holds goes with the process: to look through it for cycles first takes seconds after a fit.
    """
    atexit.register(gc.freeze)

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(STOPPED)

    signal.signal(signal.SIGTERM, leave)


def end_with_parent() -> None:
    """Stop as if told to (SIGTERM) when the process that started this one is gone, however it went."""

    def listen() -> None:
        while os.read(0, 4096):  # not through sys.stdin, whose lock, held here, would crash the interpreter at its end
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=listen, name="regard-parent", daemon=True).start()
