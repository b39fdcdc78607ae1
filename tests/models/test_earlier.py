import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from regard.models.earlier import Earlier

EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=30)


@given(known=EVENTS, asked=EVENTS)
def test_it_is_what_a_loop_would_say(known: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    groups, times = np.array(known, np.int64).reshape(-1, 2).T
    own, moments = np.array(asked, np.int64).reshape(-1, 2).T
    values = np.arange(len(known)) + 1.0
    found = Earlier.of(groups, times.astype(float), own, moments.astype(float))
    order = sorted(range(len(known)), key=lambda n: (times[n], n))
    for place, (group, moment) in enumerate(asked):
        before = [n for n in order if groups[n] == group and times[n] < moment]  # strictly
        assert found.count[place] == len(before)
        assert found.sum(values)[place] == values[before].sum()
        np.testing.assert_equal(found.first(values)[place], values[before[0]] if before else np.nan)
        newest = [int(values[n]) for n in before][-3:]
        assert found.newest(values, 3)[place].tolist() == [-1] * (3 - len(newest)) + newest
