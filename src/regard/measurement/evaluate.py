"""Evaluate: rank every item for every person of a split, and say how good, how sure, and for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from regard.domain.arrays import Rows, Scores
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Retriever
from regard.domain.request import Query
from regard.measurement.aspects import OVERALL, PER_PERSON, Aspects, aspects_of
from regard.measurement.judging import Judged, judge
from regard.measurement.metrics.ranking import RANKING
from regard.measurement.report import Figures, Report, report_of
from regard.measurement.sampled import sampled_candidates
from regard.measurement.slices import item_segments, segments
from regard.measurement.splits import Split
from regard.measurement.truth import Protocol, Truth, truth_of

BATCH = 1_000_000  # (person, proposed item) pairs held at once
SLICED = 2  # how many of the ranking metrics are given by slice


def evaluate(
    models: Mapping[str, Retriever],
    split: Split,
    k: int = 10,
    *,
    metrics: Sequence[str] | None = None,
    sampled: str | None = None,
    protocol: Protocol | None = None,
) -> Report:
    """Figures of each of `models` on the test events of `split`: lists of `k`, every item ranked.

    Right are the items of a person's test events of positive weight. Ties count against the model (see `judge`).
    `metrics`: names out of RANKING, PER_PERSON and OVERALL, default all that the data allow; the first leads.
    `sampled` ("uniform-100", "popular-100") asks by name for ranking among sampled items, and every figure is then
    labelled so. Raises InvalidInput for unknown names or when nobody can be judged.
    """
    rules = protocol or Protocol()
    figures, setting = figures_of(models, split, k, _names(metrics), rules, sampled)
    return report_of(figures, setting, rules.resamples, rules.seed, rules.baseline)


def figures_of(
    models: Mapping[str, Retriever],
    split: Split,
    k: int,
    names: Sequence[str],
    rules: Protocol,
    sampled: str | None = None,
) -> tuple[dict[str, Figures], dict[str, Any]]:
    """What `evaluate` averages: the metrics `names` of each model for every person, the same people in the same order;
    and on what they stand."""
    truth = truth_of(split, rules)
    aspects = aspects_of(split.train, split.known, truth.users)
    if sampled is not None:
        truth = replace(truth, candidates=sampled_candidates(sampled, truth, aspects.counts, rules.seed))
    figures = {}
    for name, model in models.items():
        judged = _run(name, model, split, truth, k)
        figures[name] = _figures(judged, aspects, truth, names, rules.slices)
    setting = {
        "split": split.name,
        "sha256": split.sha256,
        "k": k,
        "people": len(truth.users),
        "items": int(len(split.data.items) if rules.among is None else rules.among.sum()),
        "candidates": sampled or ("all" if rules.among is None else "among"),
    }
    return figures, setting


def _names(asked: Sequence[str] | None) -> tuple[str, ...]:
    known = (*RANKING, *PER_PERSON, *OVERALL)
    for name in asked or ():
        if name not in known:
            raise InvalidInput("evaluate.metrics", f"names out of {', '.join(known)}", repr(name))
    return tuple(asked) if asked else known


def _run(name: str, model: Retriever, split: Split, truth: Truth, k: int) -> Judged:
    """Ask for everybody, people with histories of like length together, in batches of bounded size."""
    n_items = truth.relevant.shape[1]
    barred = np.diff(truth.barred.indptr)
    order = np.argsort(barred, kind="stable")
    needed = np.minimum(n_items, 2 * k + barred[order]) if truth.candidates is None else np.full(len(order), n_items)
    lists, hits = np.full((len(order), k), -1, np.int64), np.zeros((len(order), k), np.bool_)
    start = 0
    while start < len(order):
        held = (np.arange(len(order) - start) + 1) * needed[start:]
        end = start + max(1, int(np.searchsorted(held, BATCH)))
        chosen, asked = order[start:end], int(needed[start:end][-1])
        proposed = model.retrieve_many(_queries(split, truth.users[chosen], k), asked)
        part = judge(name, proposed, truth.of(chosen), asked, k)
        lists[chosen], hits[chosen] = part.lists, part.hits
        start = end
    return Judged(lists, hits, np.diff(truth.relevant.indptr).astype(np.int64))


def _queries(split: Split, users: Rows, k: int) -> list[Query]:
    """Each person asks at the moment of their first test event, knowing what was known then."""
    e = split.test.events
    return [split.known.query(int(u), k, at=float(e.time[e.offsets[u]])) for u in users]


def _figures(judged: Judged, aspects: Aspects, truth: Truth, names: Sequence[str], slices: bool) -> Figures:
    ranking = [name for name in names if name in RANKING]
    of_lists = aspects.per_person(judged)
    per_person: dict[tuple[str, str], Scores] = {}
    for name in names:
        if name in RANKING:
            per_person["all", name] = RANKING[name](judged.hits, judged.relevant)
        elif name in of_lists:
            per_person["all", name] = of_lists[name]
    if slices:
        for group, mask in segments(np.diff(aspects.own.indptr)).items():
            for name in ranking[:SLICED]:
                per_person[group, name] = np.where(mask, per_person["all", name], np.nan)
        asked = np.bincount(truth.relevant.indices, minlength=len(aspects.counts)) > 0
        for group, items in item_segments(aspects.counts, asked).items():
            part = judged.on(items, truth.relevant)
            for name in ranking[:SLICED]:
                value = RANKING[name](part.hits, np.maximum(part.relevant, 1))
                per_person[group, name] = np.where(part.relevant > 0, value, np.nan)
    overall = {name: value for name, value in aspects.overall(judged).items() if name in names}
    depth = (np.cumsum(judged.hits, axis=1) / judged.relevant[:, None]).mean(axis=0)
    return Figures(per_person, overall, depth)
