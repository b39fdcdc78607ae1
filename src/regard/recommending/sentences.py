"""Sentences: what is known of a slot, said in the reader's language; nothing is said that is not in the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeAlias

from regard.data.translations import Translate
from regard.domain.protocols import Objective
from regard.recommending.calibration import Calibration
from regard.recommending.diversity import DPP, MMR
from regard.recommending.more_like import MoreLike
from regard.recommending.objectives import Fatigue, GroupCap, LongTail, Pin

NAMED = 3  # so many titles of a counterfactual stand in the sentence; the reason holds all

Named: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Cause:
    """One item of the person's own history, what it added to the score, and whether they liked it."""

    row: int
    title: str
    amount: float
    liked: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a reason may say.

    `kind` and `causes` (largest first, those worth naming) and the amounts without an item (`other`) are the evidence;
    `creator` and `tags` are what the item shares with the first cause; `sources` all who proposed it; `lifted` the
    objectives that moved it up, by name; `chance` the probability of a draw that moved it; `without` the titles of
    the counterfactual.
    """

    kind: str
    sources: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    other: Named = field(default_factory=dict)
    creator: str = ""
    tags: tuple[str, ...] = ()
    lifted: Mapping[str, Objective] = field(default_factory=dict)
    chance: float | None = None
    without: tuple[str, ...] = ()


def say(facts: Facts, _: Translate) -> str:
    """The reason as sentences."""
    said = [_because(facts, _)]
    said += [_lifted(name, objective, _) for name, objective in facts.lifted.items()]
    if facts.chance is not None:
        said.append(
            _("It stands here by a draw (chance {chance}), so that we learn.").format(chance=f"{facts.chance:.2f}")
        )
    if facts.without:
        titles = [_("“{title}”").format(title=title) for title in facts.without[:NAMED]]
        if len(facts.without) > NAMED:
            titles.append(_("{n} more of your history").format(n=len(facts.without) - NAMED))
        said.append(_("Without {items} you would not see this.").format(items=_listed(titles, _)))
    return reduce(lambda one, other: _("{one} {other}").format(one=one, other=other), said)


def _because(facts: Facts, _: Translate) -> str:
    items = _listed(
        [_("“{title}” ({amount})").format(title=c.title, amount=_amount(c.amount)) for c in facts.causes], _
    )
    liked = all(cause.liked for cause in facts.causes)
    if not facts.causes:
        return _without_items(facts, _)
    if facts.kind == "people":
        return _("People who chose {items}, as you did, also chose this.").format(items=items)
    if facts.kind == "content":
        similar = _("Similar to {items}, which you liked") if liked else _("Similar to {items} in your history")
        return _with_details(similar.format(items=items), facts, _)
    said = _("Because you liked {items}.") if liked else _("Because of {items} in your history.")
    return said.format(items=items)


def _with_details(similar: str, facts: Facts, _: Translate) -> str:
    details = []
    if facts.creator:
        details.append(_("also by {creator}").format(creator=facts.creator))
    if facts.tags:
        details.append(_("also {tags}").format(tags=_(", ").join(facts.tags)))
    if not details:
        return _("{similar}.").format(similar=similar)
    return _("{similar}: {details}.").format(similar=similar, details=_("; ").join(details))


def _without_items(facts: Facts, _: Translate) -> str:
    if "new item" in facts.other:
        return _("New here.")
    if facts.kind == "popular":
        segment = next((n.removeprefix("popularity in ") for n in facts.other if n.startswith("popularity in ")), "")
        popular = _("Popular now with people like you ({segment}).") if segment else _("Popular now.")
        return popular.format(segment=segment)
    added = [_("{name} ({amount})").format(name=n, amount=_amount(a)) for n, a in facts.other.items() if a > 0]
    if added:
        return _("Its score comes from {names}.").format(names=_listed(added, _))
    named = [_("“{source}”").format(source=source) for source in facts.sources]
    return _("Proposed by {sources}.").format(sources=_listed(named, _)) if named else _("No source proposed it.")


def _lifted(name: str, objective: Objective, _: Translate) -> str:
    match objective:
        case Pin():
            return _("It was placed here by the people who run this list.")
        case MMR() | DPP():
            return _("It stands higher because it makes the list more varied.")
        case MoreLike():
            return _("It stands higher because it is like the one that you look at.")
        case Calibration():
            return _("It stands higher because it keeps the list in proportion to your interests.")
        case Fatigue():
            return _("It stands higher because others rest that you met lately.")
        case LongTail():
            return _("It stands higher because less known items get a share of the list.")
        case GroupCap():
            return _("It stands higher because others of one group had their share of the list.")
        case _:
            return _("It stands higher because of “{objective}”.").format(objective=name)


def _listed(parts: Sequence[str], _: Translate) -> str:
    return _(" and ").join([_(", ").join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _amount(amount: float) -> str:
    return f"{amount:+.2f}" if abs(amount) >= 0.1 else f"{amount:+#.2g}"
