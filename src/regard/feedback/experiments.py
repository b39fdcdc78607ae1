"""Experiments with traffic: who meets which arm, whether the arms are as large as planned, and what came back."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import chisquare

from regard.domain.arrays import Scores
from regard.domain.errors import InvalidInput

MISMATCH = 0.001  # below this p the arms cannot have been filled as planned (Fabijan et al. 2019, 3)


@dataclass(frozen=True, slots=True)
class Experiment:
    """Arms and their shares of all people. A person's arm follows from name, salt and id alone: nothing is stored.

    Another salt draws people anew. To let an arm grow, put it last: those who are in it then stay.
    """

    name: str
    arms: Mapping[str, float]
    salt: str = ""

    def __post_init__(self) -> None:
        shares = list(self.arms.values())
        if not (shares and min(shares) >= 0 and math.isclose(sum(shares), 1, abs_tol=1e-9)):
            raise InvalidInput(f"Experiment {self.name}", "shares that sum to 1", f"{dict(self.arms)}")

    def arm(self, user: str) -> str:
        """Where this person belongs, today and tomorrow."""
        told = "\0".join((self.name, self.salt, user)).encode()
        place = int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "big") / 2**64
        upto = np.cumsum(list(self.arms.values()))
        return list(self.arms)[min(int(np.searchsorted(upto, place, side="right")), len(self.arms) - 1)]

    def sample_ratio(self, people: Mapping[str, int]) -> SampleRatio:
        """Whether so many `people` by arm agree with the shares: Pearson's chi-square."""
        named = [arm for arm, share in self.arms.items() if share > 0]
        if sorted(people) != sorted(named) or sum(people.values()) == 0:
            raise InvalidInput("sample_ratio", f"counts of {named}", f"{dict(people)}")
        total = sum(people.values())
        expected = [total * self.arms[arm] / sum(self.arms.values()) for arm in named]
        p = chisquare([people[arm] for arm in named], expected).pvalue
        return SampleRatio({arm: people[arm] / total for arm in named}, float(p))


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """The shares that the arms really have, and how likely such a mismatch is by chance."""

    shares: Mapping[str, float]
    p: float

    @property
    def trusted(self) -> bool:
        """False where the arms are not what was planned: then no other figure of the experiment means anything."""
        return self.p >= MISMATCH

    def __str__(self) -> str:
        shares = ", ".join(f"{arm} {share:.2%}" for arm, share in self.shares.items())
        if self.trusted:
            return f"{shares}: as planned (p {self.p:.3f})"
        return f"{shares}: NOT as planned (p {self.p:.1g}); find out who is missing before reading on"


@dataclass(frozen=True, slots=True)
class Arm:
    """What came back in one arm, one number per person: how many, their sum, the sum of their squares."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Scores) -> Arm:
        """From one number per person (n,)."""
        return cls(len(values), float(values.sum()), float(values @ values))

    @classmethod
    def together(cls, arms: Iterable[Arm]) -> Arm:
        """All people of several days or replicas."""
        every = list(arms)
        return cls(sum(a.n for a in every), sum(a.total for a in every), sum(a.squares for a in every))

    @property
    def mean(self) -> float:
        """Per person."""
        return self.total / self.n

    @property
    def error(self) -> float:
        """The squared standard error of the mean; infinite below two people."""
        return max(self.squares - self.total * self.mean, 0.0) / (self.n - 1) / self.n if self.n > 1 else math.inf


def apart(new: Arm, old: Arm) -> tuple[float, float]:
    """How much more `new` brings per person, and the variance of that figure (Welch 1947)."""
    if not (new.n and old.n):
        return 0.0, math.inf
    return new.mean - old.mean, new.error + old.error
