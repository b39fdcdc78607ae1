"""Connections: held no longer than who asked allows, once somebody looks."""

from __future__ import annotations

import threading

import pytest

from regard.data.postgres import Store
from regard.data.store.database import Connection
from regard.domain.errors import Unavailable


def backend(connection: Connection) -> int:
    return connection.info.backend_pid


def test_what_is_held_for_too_long_is_broken_off_and_what_lies_idle_with_it(store: Store) -> None:
    refused: list[Unavailable] = []

    def wait() -> None:
        with pytest.raises(Unavailable) as error, store.within(0.01), store.reading() as connection:
            connection.execute("SELECT pg_sleep(600)")
        refused.append(error.value)

    with store.reading() as one, store.reading() as other, store.reading() as third, store.reading() as fourth:
        idle = {backend(connection) for connection in (one, other, third, fourth)}
    with store.reading() as unlimited, store.within(600), store.reading() as roomy:
        kept = {backend(unlimited), backend(roomy)}
        assert store.break_off() == 0
        waiting = threading.Thread(target=wait)
        waiting.start()
        while waiting.is_alive():  # broken off while it is taken, a connection is changed for another one
            store.break_off()
        assert len(refused) == 1
        for connection in (unlimited, roomy):
            connection.execute("SELECT 1")
        with store.reading() as fresh, store.reading() as second:
            assert not {backend(fresh), backend(second)} & (idle | kept)


def test_a_limit_holds_in_its_block_and_its_thread_alone(store: Store) -> None:
    with store.within(0.0), store.within(600), store.reading():
        assert store.break_off() == 0
    with store.reading():
        assert store.break_off() == 0
    with pytest.raises(Unavailable):
        ask_too_late(store)


def ask_too_late(store: Store) -> None:
    with store.within(0.0), store.reading() as connection:
        assert store.break_off() == 1
        connection.execute("SELECT 1")
