"""The gate: a table of named conditions that a release must hold before anybody sees its lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from regard.domain.decisions import LETS_THROUGH, Condition
from regard.domain.errors import InvalidInput
from regard.feedback.trials import Trial

LEAST = 0.05  # of what is divided by: a tenth of next to nothing is nothing to refuse a release for
SLICES = {  # as people say it; other slices keep their names
    "cold": "new people",
    "warm": "known people",
    "light": "occasional visitors",
    "heavy": "frequent visitors",
    "long tail": "rare items",
    "cold items": "new items",
    "warm items": "known items",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """The bounds of the table; each is a share, of what the live release has unless said otherwise.

    accuracy: the loss that the lower bound of the change may show, over all people. slices: the loss that a group of
    people or of items may surely have (by the upper bound of its change), of groups with at least `people` people.
    diversity, novelty: the loss of variety, and of unfamiliar items. calibration: the growth of the distance from
    people's own mix. coverage, gini: points lost of the catalogue, and gained of concentration. ms, mb: the most
    milliseconds a list and megabytes, in themselves. full: the least share of full lists. rewards: the loss that the
    log of served lists may surely show (log_judge.py); judged: whether a release that it cannot judge is refused.
    """

    accuracy: float = 0.02
    slices: float = 0.05
    people: int = 30
    diversity: float = 0.05
    novelty: float = 0.05
    calibration: float = 0.1
    coverage: float = 0.03
    gini: float = 0.03
    ms: float = 100.0
    mb: float = 4_000.0
    full: float = 0.99
    rewards: float = 0.02
    judged: bool = False

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) >= 0:
                raise InvalidInput(f"Gate.{name}", "a number >= 0", repr(getattr(self, name)))

    def judge(self, trial: Trial | None, damaged: int, further: Sequence[Condition] = ()) -> tuple[Condition, ...]:
        """The whole table. `trial` is None for the first release, which has nothing beside it.

        `damaged`: files that are not what they were when they were written. `further`: lines from elsewhere, such as an
        off-policy estimate.
        """
        whole = Condition("damaged files", float(damaged), 0.0, words="files of the release whose checksum is wrong")
        measured = () if trial is None else (*self._accuracy(trial), *self._care(trial), *self._machine(trial))
        return (whole, *measured, *further)

    def _accuracy(self, trial: Trial) -> Iterator[Condition]:
        told = trial.versus
        for change in told.changes:
            before = max(change.before, 1e-9)
            said = f"{told.metric} {change.before:.4f} -> {change.after:.4f}, {change.people:,} people"
            if change.slice == "all":
                words = f"{said}; lower bound of the change"
                yield Condition("accuracy, everybody", change.low / before, -self.accuracy, "at least", words)
            elif change.people >= self.people:
                words, name = f"{said}; upper bound of the change", SLICES.get(change.slice, change.slice)
                yield Condition(f"accuracy, {name}", change.high / before, -self.slices, "at least", words)

    def _care(self, trial: Trial) -> Iterator[Condition]:
        bounds = (
            ("diversity", -self.diversity, "at least", True, "how unlike the items of a list are"),
            ("novelty", -self.novelty, "at least", True, "how unfamiliar what is shown is"),
            ("calibration", self.calibration, "at most", True, "distance of the lists from people's own mix"),
            ("coverage", -self.coverage, "at least", False, "share of the catalogue that is shown at all"),
            ("gini", self.gini, "at most", False, "concentration on few items"),
        )
        for name, bound, side, relative, words in bounds:
            if name in trial.versus.care:
                before, after = trial.versus.care[name]
                value = (after - before) / (max(before, LEAST) if relative else 1.0)
                said = f"{words}: {before:.4f} -> {after:.4f}"
                yield Condition(f"change of {name}", value, bound, side, said)  # type: ignore[arg-type]

    def _machine(self, trial: Trial) -> Iterator[Condition]:
        yield Condition("milliseconds a list", trial.ms, self.ms, words="median, on this machine")
        yield Condition("megabytes", trial.mb, self.mb, words="fitted arrays in memory")
        yield Condition(
            "full lists", trial.full, self.full, "at least", "people who get as many items as they asked for"
        )


def passes(conditions: Sequence[Condition]) -> bool:
    """Whether every line holds or abstains; what is unknown does neither."""
    return all(one.verdict in LETS_THROUGH for one in conditions)


def refusal(conditions: Sequence[Condition]) -> str:
    """Why a release may not go on, in one sentence; empty where it may."""
    broken = [one for one in conditions if one.verdict not in LETS_THROUGH]
    said = (
        f"{one.name} is {'unknown' if one.value is None else f'{one.value:.4g}'}, must be {one.side} {one.bound:.4g}"
        for one in broken
    )
    return "; ".join(said)
