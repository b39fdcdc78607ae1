"""Releasing: what the words of `regard releases` ask of a shelf: make, show, compare, promote, roll back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeAlias

import numpy as np

from regard.data.release_rows import Row, all_rows, all_steps, row_of
from regard.domain.arrays import Rows
from regard.domain.dataset import Dataset
from regard.domain.decisions import LETS_THROUGH, Condition, Release
from regard.domain.protocols import Retriever
from regard.domain.request import Query
from regard.domain.run import Run
from regard.feedback.gate import Gate
from regard.feedback.trials import Trial
from regard.serving import believing, trying, wiring
from regard.serving.settings import now
from regard.serving.shelf import Shelf
from regard.serving.tuned import Model, Tune, artifact_of, as_tried, blend_of

SAMPLE, K = 200, 10  # people whose lists two releases are compared by
TUNED_BY = "tuned_by"  # the figure that names what served lists have tuned the scorer with
Judging: TypeAlias = Callable[[Model, Dataset, float], Condition]  # what was tried, data, its newest event


def make(here: Shelf, data: Dataset, run: Run, judge: Judging | None = None, tune: Tune | None = None) -> Row:
    """Fit a release on `data`, try it beside the live one, and enter it: a candidate, or refused with the reason.

    `judge` adds a line to the table, out of what was tried (serving/judging.py), and so does `tune` (tuning.py).
    """
    recipes, live = here.recipes(data), here.releases.live()
    tried, after, tuned, further = None, None, None, list[Condition]()
    if live is not None:
        serving = (live.name, live.moment, here.scorer(live.name))
        tried, after, tuned = trying.trial(data, recipes, serving, replace(run, warm_start=None), tune)
    warm = run.warm_start or (None if after is None else blend_of(after))
    model: Model = wiring.fit(data, recipes, replace(run, warm_start=warm))
    if tune is not None:
        model, line = as_tried(tune, blend_of(model), run, tuned)
        further.append(line)
    if judge is not None and tried is not None and after is not None:
        further.append(judge(after, data, tried.upto or now()))
    return keep(here, model, data, run, tried, further)


def keep(
    here: Shelf, model: Model, data: Dataset, run: Run, tried: Trial | None, further: Sequence[Condition] = ()
) -> Row:
    """Write a fitted release with its figures, judge it, and enter it."""
    about, blend = described(here, model, data, run.seed, tried), blend_of(model)
    release = here.releases.add(about, blend.artifact(), data, artifact_of(model))
    first = here.releases.live() is None
    return here.promotions.enter(release, table(here, release.name, tried, first, further), "regard", now())


def table(
    here: Shelf, name: str, tried: Trial | None, first: bool, further: Sequence[Condition] = ()
) -> tuple[Condition, ...]:
    """The lines of the gate for a release in its folder, and `further` ones."""
    gate: Gate = here.rules.gate
    judged = 0.0 if tried is None else float(tried.versus.changes[0].people)
    people = Condition("people to judge by", judged, 1.0, "at least", "people with unseen events")
    return gate.judge(tried, len(here.releases.damaged(name)), further if first else (people, *further))


def described(here: Shelf, model: Model, data: Dataset, seed: int, tried: Trial | None) -> Release:
    """What release.json says."""
    recipes, blend = here.recipes(data), blend_of(model)
    worth = {part: float(values[-1]) for part, values in blend.learned.worth.items()}
    figures = {
        "weights": blend.weights,
        "events": len(data.events),
        "items": len(data.items),
        "worth": worth,  # nDCG of the blend by slice, on the events that chose its weights
        **({} if tried is None else {"trial": tried.plain()}),
        **({} if model is blend else {TUNED_BY: _plain(model.recipe)}),
    }
    plain = {name: _plain(recipe) for name, recipe in recipes.items()}
    return Release(here.releases.next_name(), now(), data.at, seed, plain, figures)


def listing(here: Shelf) -> list[dict[str, Any]]:
    """Every release in a line, newest first."""
    here.promotions.settle(now())
    return [
        {
            "name": row.name,
            "state": row.state,
            "share": row.share,
            "since": row.since,
            "created": row.about["created"],
            "moment": row.about["moment"],
            "events": row.about["figures"].get("events"),
            "accuracy": _accuracy(row),
            "approver": row.approver,
            "refusal": "; ".join(line["name"] for line in row.gate if line["verdict"] not in LETS_THROUGH),
        }
        for row in reversed(all_rows(here.store))
    ]


def shown(here: Shelf, name: str) -> dict[str, Any]:
    """One release in full: its table, figures, recipes, files, and every step that it took."""
    here.promotions.settle(now())
    row = row_of(here.store, name)
    steps = [asdict(step) for step in all_steps(here.store) if step.name == name]
    return {
        "name": name,
        "state": row.state,
        "share": row.share,
        "approver": row.approver,
        "approved": row.approved,
        "gate": list(row.gate),
        **{field: row.about[field] for field in ("created", "moment", "seed", "recipes", "figures")},
        "files": len(row.about.get("checksums", {})),
        "damaged": here.releases.damaged(name),
        "steps": steps,
    }


def difference(here: Shelf, one: str, other: str) -> dict[str, Any]:
    """What is different in `other`: recipes, figures, and the lists of SAMPLE people."""
    before, after = here.releases.get(one), here.releases.get(other)
    models = {name: wiring.ranking(here.scorer(name)) for name in (one, other)}
    lists = [top(model, here.releases.data(here.releases.get(name)), K) for name, model in models.items()]
    same = [len(np.intersect1d(a, b)) / K for a, b in zip(*lists, strict=False)]
    return {
        "before": one,
        "after": other,
        "recipes": _changed(*({**it.recipes, TUNED_BY: it.figures.get(TUNED_BY, {})} for it in (before, after))),
        "figures": {
            name: [before.figures.get(name), after.figures.get(name)]
            for name in ("events", "items")
            if before.figures.get(name) != after.figures.get(name)
        },
        "moment": [before.moment, after.moment],
        "seed": [before.seed, after.seed],
        "accuracy": [_accuracy(row_of(here.store, one)), _accuracy(row_of(here.store, other))],
        "people": len(same),
        "overlap": float(np.mean(same)) if same else None,
    }


def top(model: Retriever, data: Dataset, k: int, people: int = SAMPLE) -> list[Rows]:
    """The best `k` items of the first `people` people with events, as their release holds them."""
    rows = np.flatnonzero(np.diff(data.events.offsets) > 0)[:people]
    queries: Sequence[Query] = [data.query(int(row), k) for row in rows]
    return [candidates.rows for candidates in model.retrieve_many(queries, k)]


def promote(here: Shelf, name: str, who: str, share: float | None = None) -> Row:
    """Approve a release as `who`; with `share`, try it as a canary; without, everybody gets its lists."""
    here.promotions.settle(now())
    row = row_of(here.store, name)
    if row.state != "live":
        here.promotions.approve(name, who, now())
    if share is None:
        row = here.promotions.go_live(name, who, now())
        believing.learn(here)
    else:
        row = here.promotions.try_out(name, share, who, now())
    here.changed()
    return row


def roll_back(here: Shelf, who: str, why: str, name: str | None = None) -> tuple[str, str]:
    """Take back the canary, else the live release, or the one of that name; what went, and what is live."""
    here.promotions.settle(now())
    names = here.promotions.roll_back(who, why, now(), name)
    here.changed()
    return names


def _plain(recipe: Any) -> dict[str, Any]:
    return {"kind": type(recipe).__name__, **asdict(recipe)}


def _accuracy(row: Row) -> float | None:
    told = row.about["figures"].get("trial")
    if told is not None:
        return float(told["versus"]["changes"][0]["after"])
    return None


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The sources that came or went, and the fields that changed, as [before, after]."""
    found: dict[str, Any] = {}
    for name in [*before, *(n for n in after if n not in before)]:
        old, new = before.get(name, {}), after.get(name, {})
        fields = [field for field in [*old, *(f for f in new if f not in old)] if old.get(field) != new.get(field)]
        if fields:
            found[name] = {field: [old.get(field), new.get(field)] for field in fields}
    return found
