"""An item is erased: the log of lists lets go of it while nobody waits."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from regard.data.impression_log import Impression, ImpressionLog, impression_id
from regard.data.postgres import Store
from regard.domain.records import Item

WAITING = """SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE impressions%'
    AND datname = current_database()"""


def _logged(log: ImpressionLog, row: int, at: float) -> str:
    log.write([Impression(impression_id(at, 1), at, -1, "0001", "home", (row,), (1.0,), b"{}")])
    return impression_id(at, 1).hex


def _waits(store: Store) -> bool:
    with store.reading() as connection:  # a transaction sees the same activities again
        return connection.execute(WAITING).fetchone() == (1,)


def test_who_writes_items_does_not_wait_while_long_logs_let_go_of_one(store: Store) -> None:
    row = int(store.upsert_items([Item("a"), Item("b")])[0])
    log = ImpressionLog(store)
    names = [_logged(log, row, 1.7e9), _logged(log, row, time.time())]
    with ThreadPoolExecutor(2) as others:
        with store.transaction() as connection:
            connection.execute("SELECT FROM impressions WHERE at < 1.8e9 FOR UPDATE")  # as if it took long
            gone = others.submit(store.delete_item, "a")
            while not _waits(store):
                assert not gone.done()
            others.submit(store.upsert_items, [Item("c"), Item("b", title="B")]).result(60)
        assert gone.result(60)["items"] == 1
    assert [log.get(name).items for name in names] == [(-1,), (-1,)]
