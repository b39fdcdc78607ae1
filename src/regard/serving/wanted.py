"""Wanted: what a request for a list may say, checked at the edge."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
Plain = str | bool | float | list[str] | None
Language = Literal["en", "zh"]  # those of data/translations.py
Choice = Annotated[str | list[str], Field(description="one value, or several of which one is enough")]


class Wanted(BaseModel):
    """A list for a person (`user_id`), or for somebody unknown after the events of a `session`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    user_id: Name | None = None
    session: Annotated[list[dict[str, Any]] | None, Field(max_length=200)] = None
    k: Annotated[int, Field(ge=1, le=200, strict=True)] = 10
    surface: Name = "home"
    context: Annotated[dict[Name, Plain], Field(max_length=50)] = {}
    mood: Annotated[dict[Name, Plain], Field(max_length=20)] = {}
    exclude: Annotated[list[Name], Field(max_length=1000)] = []
    filter: Annotated[dict[Name, Choice], Field(max_length=10)] = {}
    seed_item: Name | None = None
    after: UUID | None = None
    explain: Literal["none", "short", "full"] = "none"
    language: Annotated[Language | None, Field(description="of the reasons; None: the installation's")] = None


class Evidence(BaseModel):
    """One item of the person's history, and what it added."""

    id: str
    title: str
    amount: float
    liked: bool


class ReasonOut(BaseModel):
    """Why one item stands where it stands."""

    text: str
    kind: str
    evidence: list[Evidence]
    other: dict[str, float]
    explains: str
    exact: bool
    counterfactual: list[str]


class SlotOut(BaseModel):
    """One place of a list."""

    id: str
    title: str
    position: int
    score: float
    propensity: float
    source: str
    sources: list[str]
    parts: dict[str, float | None]
    rules: list[str]
    reason: ReasonOut | None = None


class ListOut(BaseModel):
    """A list as it is answered."""

    recommendation_id: str
    release: str
    variant: str
    mode: Literal["personal", "non_profiled"]
    items: list[SlotOut]
    dropped: dict[str, int]
    left_out: list[str]
    logged: bool
    took_ms: float
