"""Aspects: what the list metrics know of items and people: popularity, genres, vectors, each person's own mix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Array, Mask, Rows, Scores, Vectors
from regard.domain.dataset import Dataset
from regard.measurement.judging import Judged
from regard.measurement.metrics import lists as of_lists
from regard.measurement.truth import pattern

PER_PERSON = ("diversity", "novelty", "serendipity", "calibration", "popularity lift")
OVERALL = ("coverage", "gini")


@dataclass(frozen=True, slots=True, eq=False)
class Aspects:
    """counts (I,): people who know each item, of `people`. own (Q, I): each judged person's items, 1 each.

    genres (I, g): p(g | i), or None where no item has tags. vectors (I, d): what diversity is measured in, or None.
    """

    counts: NDArray[np.float64]
    people: int
    own: sparse.csr_array
    genres: Scores | None
    vectors: Vectors | None

    def per_person(self, judged: Judged) -> Mapping[str, Scores]:
        """The list metrics that the data allow, (Q,) each."""
        shown = judged.lists
        figures = {
            "novelty": of_lists.novelty(shown, np.maximum(self.counts, 1) / max(self.people, 1)),
            "serendipity": of_lists.serendipity(judged.hits, self.expected(shown)),
            "popularity lift": of_lists.popularity_lift(shown, self.counts, _mean_of(self.own, self.counts)),
        }
        if self.vectors is not None:
            figures["diversity"] = of_lists.intra_list_diversity(shown, self.vectors)
        if self.genres is not None:
            taste = of_lists.genre_mix(self.own, self.genres)
            mix = of_lists.genre_mix(of_lists.incidence(shown, len(self.counts)), self.genres)
            figures["calibration"] = of_lists.calibration(taste, mix)
        return {name: figures[name] for name in PER_PERSON if name in figures}

    def overall(self, judged: Judged) -> Mapping[str, float]:
        """The figures that belong to all lists together."""
        n_items = len(self.counts)
        return {
            "coverage": of_lists.coverage(judged.lists, n_items),
            "gini": of_lists.gini(of_lists.exposures(judged.lists, n_items)),
        }

    def expected(self, lists: of_lists.Lists) -> Mask:
        """Whether each listed item is among the person's k most popular items that they do not know, (Q, k).

        Item i is, if its popularity rank less the person's own items ranked before it is below k.
        """
        n_items = np.int64(len(self.counts))
        rank = np.empty(n_items, np.int64)
        rank[np.argsort(-self.counts, kind="stable")] = np.arange(n_items)
        person = np.repeat(np.arange(len(lists)), np.diff(self.own.indptr))
        own_keys = np.sort(person * n_items + rank[self.own.indices])
        asked = rank[np.maximum(lists, 0)]
        keys = np.arange(len(lists))[:, None] * n_items + asked
        known_before = np.searchsorted(own_keys, keys) - self.own.indptr[:-1, None]
        return np.asarray((lists >= 0) & (asked - known_before < lists.shape[1]), np.bool_)


def aspects_of(train: Dataset, known: Dataset, users: Rows) -> Aspects:
    """Aspects from what was there to learn from: popularity of `train`, the own items of `users` from `known`."""
    everybody = pattern(train)
    genres = genres_of(train)
    vectors = next(iter(train.vectors.values()), None)
    if vectors is None and genres is not None:
        vectors = genres.astype(np.float32)
    counts = np.bincount(everybody.indices, minlength=len(train.items)).astype(np.float64)
    return Aspects(counts, int((np.diff(everybody.indptr) > 0).sum()), pattern(known)[users], genres, vectors)


def genres_of(data: Dataset) -> Scores | None:
    """p(g | i) (I, g): each item's tags in equal shares; None where no item has tags."""
    tags = data.item_column("tags")
    if tags is None or not any(tags):
        return None
    names = sorted({tag for own in tags if own for tag in own})
    place = {tag: column for column, tag in enumerate(names)}
    genres = np.zeros((len(tags), len(names)))
    for row, own in enumerate(tags):
        for tag in own or ():
            genres[row, place[tag]] = 1 / len(set(own))
    return genres


def _mean_of(own: sparse.csr_array, of_item: Array) -> Scores:
    n = np.diff(own.indptr)
    return np.asarray(np.divide(own @ of_item, n, out=np.full(len(n), np.nan), where=n > 0), np.float64)
