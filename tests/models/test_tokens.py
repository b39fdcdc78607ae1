"""Tokens: every cell of an example at its place, one bag per field, and somebody whom train has hardly met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from regard.models.examples import Examples
from regard.models.tokens import Tokens


def examples() -> Examples:
    """Two fields of people whose columns alternate, one of items, none of the moment."""
    people = np.array([[1, 0, 0, 2], [0, 3, 0, 0], [1, 0, 4, 0]], np.float32)
    return Examples(
        person=np.array([4, 2, 4]),
        item=np.array([0, 1, 0]),
        at=np.zeros(3),
        people=sparse.csr_array(people),
        items=sparse.csr_array(np.array([[5], [0], [6]], np.float32)),
        context=sparse.csr_array((3, 0), dtype=np.float32),
        columns=np.empty((3, 0), np.float32),
        names=(),
        history=np.empty((3, 0), np.int64),
        actions=np.empty((3, 0), np.int64),
        groups={"people": np.array([0, 1, 0, 1])},
    )


def test_every_cell_stands_at_its_place_and_in_its_field() -> None:
    tokens = Tokens.learn(examples())
    # fields: person (nobody, 4; 2 was met once), item (none, 0), two of people (columns 0 and 2; 1 and 3), one of items
    assert tokens.field.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert tokens.side.tolist() == [0, 1, 0, 0, 1]
    rows = tokens.read(examples()).toarray()
    assert rows.tolist() == [
        [0, 1, 0, 1, 1, 0, 0, 2, 5],
        [1, 0, 1, 0, 0, 0, 3, 0, 0],
        [0, 1, 0, 1, 1, 4, 0, 0, 6],
    ]
    bags = tokens.bags(tokens.read(examples())).toarray().reshape(3, 5, -1)
    assert bags.sum(axis=1).tolist() == rows.tolist()
    assert bags[2, 2].tolist() == [0, 0, 0, 0, 1, 4, 0, 0, 0]


def test_who_and_what_train_has_hardly_met_is_nobody() -> None:
    tokens = Tokens.learn(examples())
    strange = replace(examples(), person=np.array([3, -1, 99]), item=np.array([2, -1, 99]))
    found = tokens.read(strange).toarray()
    assert found[:, 0].tolist() == found[:, 2].tolist() == [1, 1, 1]


def test_identities_may_not_count() -> None:
    tokens = Tokens.learn(examples(), ids=False)
    assert (tokens.width, tokens.side.tolist()) == (5, [0, 0, 1])
    assert tokens.read(examples()).toarray().sum(axis=1).tolist() == [8, 3, 11]
    again = Tokens.from_arrays(tokens.arrays())
    assert again.read(examples()).toarray().tolist() == tokens.read(examples()).toarray().tolist()


def test_nothing_is_read_as_nothing() -> None:
    empty = examples().take(np.empty(0, np.int64))
    assert Tokens.learn(examples()).read(empty).shape == (0, 9)
