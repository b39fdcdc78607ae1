"""What an action on a shown item is worth as a reward: a table of worths per action, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY

PASSED_OVER = "passed over"  # an action that we infer: a lower slot of the list was acted on, this one was not


@dataclass(frozen=True, slots=True)
class Worth:
    """One row of the table: an action of `type` with value >= `at_least` is worth `worth`.

    It counts when it comes within `window` seconds of being shown. With `full`, the worth grows with the value and is
    reached at `full` (seconds of dwell, say): worth * clip(value / full, 0, 1). The first row that fits decides.
    """

    type: str
    worth: float
    window: float = DAY
    at_least: float | None = None
    full: float | None = None

    def __post_init__(self) -> None:
        if not self.type:
            raise InvalidInput("Worth.type", "the name of an action", repr(self.type))
        if not -1e6 < self.worth < 1e6:
            raise InvalidInput("Worth.worth", "a number", repr(self.worth))
        if not self.window > 0:
            raise InvalidInput("Worth.window", "seconds > 0", repr(self.window))
        if self.full is not None and not self.full > 0:
            raise InvalidInput("Worth.full", "a value > 0, or None", repr(self.full))


def within(table: Sequence[Worth], seconds: float) -> tuple[Worth, ...]:
    """The same table for whoever waits no longer than `seconds` for each action."""
    return tuple(replace(row, window=min(row.window, seconds)) for row in table)


DEFAULT_WORTHS = (
    Worth("view", 0.1, window=DAY / 24),
    Worth("click", 0.2, window=DAY / 24),
    Worth("dwell", 0.3, full=120.0),
    Worth("like", 1.0),
    Worth("buy", 1.0, window=7 * DAY),
    Worth("rating", 1.0, window=7 * DAY, at_least=4.0),
    Worth("rating", 0.0, window=7 * DAY, at_least=3.0),
    Worth("rating", -1.0, window=7 * DAY),
    Worth("skip", -0.1, window=DAY / 24),
    Worth(PASSED_OVER, 0.0),
    Worth("dislike", -1.0, window=7 * DAY),
    Worth("less", -1.0, window=7 * DAY),
)
