"""Sides: who a person is and where they are now, as rows of tokens, beside what they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Array
from regard.domain.dataset import Dataset
from regard.domain.request import Query
from regard.models.fields import CLOCK, Fields, clock, distinct, said_by
from regard.models.networks.streams import GAPS, gaps


@dataclass(frozen=True, eq=False)
class Sides:
    """Fields of people (attributes) and of moments (device, place, weather, mood: whatever a context holds).

    With `timed`, a moment also has the time of day, the weekday and how long the last event is gone.
    """

    person: Fields
    moment: Fields
    timed: bool

    @staticmethod
    def learn(data: Dataset, attributes: bool, context: bool, timed: bool) -> Sides:
        """What the people of `data` and its positive events say; nothing of what does not count."""
        people = said_by(data.user_attributes) if attributes else []
        table = data.events.where(np.asarray(data.events.weight > 0)).context if context else None
        return Sides(Fields.learn(people), Fields.learn([] if table is None else said_by(table)), timed)

    @property
    def widths(self) -> tuple[int, int]:
        """Columns of a person's and of a moment's row."""
        return self.person.width, self.moment.width + (CLOCK + GAPS if self.timed else 0)

    def people(self, data: Dataset) -> sparse.csr_array:
        """(U + 1, F): one row a person, then that of somebody unknown."""
        held = data.user_attributes.num_columns > 0
        return self.person.read([*(said_by(data.user_attributes) if held else [{}] * len(data.users)), {}])

    def moments(self, data: Dataset, since: NDArray[np.int64] | None = None) -> sparse.csr_array:
        """(n, F): the moment of every event of `data`; `since` (n,): gap codes, else those within `data`."""
        events = data.events
        told = self.moment.read([{}])[np.zeros(len(events), np.int64)]
        if events.context is not None and self.moment.kinds:
            told = distinct(events.context, self.moment.read)
        codes = gaps(events.time, events.offsets) if since is None else since
        return self._at(told, events.time, codes)

    def of(self, queries: Sequence[Query]) -> tuple[sparse.csr_array, sparse.csr_array]:
        """The person's and the moment's row of each request, (Q, F) each."""
        codes = [np.zeros(0, np.int64)]
        for query in queries:
            times = np.array([*query.history.times[-1:], query.at])
            codes.append(gaps(times, np.array([0, len(times)]))[-1:])
        told = self.moment.read([query.context for query in queries])
        times = np.array([query.at for query in queries])
        return self.person.read([q.attributes for q in queries]), self._at(told, times, np.concatenate(codes))

    def nothing(self) -> sparse.csr_array:
        """The row of a moment of which nothing is known, (1, F)."""
        told = self.moment.read([{}])
        told.resize((1, self.widths[1]))
        return told

    def _at(self, told: sparse.csr_array, times: NDArray[np.floating], since: NDArray[np.int64]) -> sparse.csr_array:
        if not self.timed:
            return told
        gone = sparse.csr_array((np.ones(len(since), np.float32), since, np.arange(len(since) + 1)), (len(since), GAPS))
        return sparse.csr_array(sparse.hstack([told, clock(times), gone], format="csr", dtype=np.float32))

    def arrays(self) -> dict[str, Array]:
        """As an artifact keeps them."""
        return {**self.person.arrays("person"), **self.moment.arrays("moment"), "timed": np.array(self.timed)}

    @staticmethod
    def from_arrays(arrays: Mapping[str, Array]) -> Sides:
        """As they were."""
        person, moment = Fields.from_arrays("person", arrays), Fields.from_arrays("moment", arrays)
        return Sides(person, moment, bool(arrays["timed"]))
