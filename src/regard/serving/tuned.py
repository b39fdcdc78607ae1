"""Tuned: what scores in a release: its blend, or a scorer that served lists have tuned over it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar

from regard.data.artifacts import Artifact
from regard.domain.decisions import Condition
from regard.domain.protocols import Scorer
from regard.domain.run import Run
from regard.models.blend import FittedBlend
from regard.models.long_term import KIND as SLATE_Q
from regard.models.long_term import FittedSlateQ
from regard.models.policy_gradient import KIND as POLICY_GRADIENT
from regard.models.policy_gradient import FittedPolicyGradient

Tuned: TypeAlias = FittedSlateQ | FittedPolicyGradient
Model: TypeAlias = FittedBlend | Tuned
Base = TypeVar("Base", bound=Scorer)
# Tunes a blend by the lists served until a moment (unix seconds; None: by none, as no trial could judge it); the line
# says by how many, or why it could not
Tune: TypeAlias = Callable[[FittedBlend, Run, float | None], tuple[Model, Condition]]

TUNED: Mapping[str, Callable[[Artifact, Scorer], Tuned]] = {
    SLATE_Q: FittedSlateQ.from_artifact,
    POLICY_GRADIENT: FittedPolicyGradient.from_artifact,
}


def as_tried(tune: Tune, blend: FittedBlend, run: Run, tried: Condition | None) -> tuple[Model, Condition]:
    """`blend` tuned by all lists, and the line of the gate, where lists have tuned what was on trial, too.

    `tried`: the line about that, None where there was no trial. Else the blend itself: nothing is tuned that nobody has
    judged.
    """
    if tried is not None and tried.value is None:
        return blend, tried
    return tune(blend, run, None if tried is None else math.inf)


def read(artifact: Artifact | None, blend: FittedBlend) -> Model:
    """What `artifact` has tuned over `blend`; the blend where it is None."""
    return blend if artifact is None else TUNED[artifact.kind](artifact, blend)


def artifact_of(model: Model) -> Artifact | None:
    """What `read` reads; the blend has its own."""
    return model.artifact() if isinstance(model, Tuned) else None


def base_of(scorer: Scorer) -> Scorer:
    """What was tuned; any other scorer itself."""
    return scorer.outlook.base if isinstance(scorer, Tuned) else scorer


def blend_of(model: Model) -> FittedBlend:
    """The blend of a release."""
    base = base_of(model)
    if not isinstance(base, FittedBlend):
        raise TypeError(f"not the model of a release: it stands on {type(base).__name__}")
    return base


def over(scorer: Scorer, base: Base) -> Base | Tuned:
    """`base`, tuned as `scorer` is."""
    return scorer.over(base) if isinstance(scorer, Tuned) else base
