"""Import: once and only once, merged by field, every row accounted for, bad rows mended and imported again."""

from __future__ import annotations

import json
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.data.findings import Pace
from regard.data.importing import ImportOptions, import_paths
from regard.data.postgres import Store
from regard.data.quarantine import export_quarantine
from regard.data.tails import Ask, happened
from regard.domain.errors import InvalidInput
from regard.domain.records import Event

NOW = 1_700_000_000.0
HEAD = "user,item,type,value,time\n"


def ask(store: Store, query: str) -> list[Any]:
    with store.transaction() as connection:
        return [row[0] if len(row) == 1 else row for row in connection.execute(query.encode())]


def file(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_importing_twice_changes_nothing_and_equal_lines_stay_apart(store: Store, tmp_path: Path) -> None:
    path = file(tmp_path, "events.csv", HEAD + "u,i,buy,1,1600000000\n" * 3 + "u,j,buy,1,1600000000\n")
    first, second = (import_paths([path], store, now=NOW) for _ in range(2))
    assert (first.events_new, first.events_known) == (4, 0)
    assert (second.events_new, second.events_known) == (0, 4)
    found = first.finding("duplicates")
    assert found is not None
    assert found.count == 2
    assert store.counts()["events"] == 4
    # the log's own way of naming events agrees
    assert store.append([Event("u", "i", "buy", 1.0, 1_600_000_000.0)] * 4) == 1


def test_overlapping_files_together_or_in_turn_give_the_same(store: Store, tmp_path: Path) -> None:
    a = file(tmp_path, "a.csv", HEAD + "u,i,buy,1,1600000000\n" * 2)
    b = file(tmp_path, "b.csv", HEAD + "u,i,buy,1,1600000000\n" * 3 + "u,k,buy,1,1600000000\n")
    report = import_paths([a, b], store, now=NOW)
    assert (report.events_new, report.events_known) == (4, 2)
    assert [import_paths([one], store, now=NOW).events_new for one in (a, b)] == [0, 0]


def test_an_import_after_appended_events(store: Store, tmp_path: Path) -> None:
    store.append([Event("u", "i", "buy", 1.0, 1_600_000_000.0, context={"device": "tv"})])
    text = "user,item,type,value,time,device\nu,i,buy,1,1600000000,tv\nu,i,buy,1,1600000000,web\n"
    report = import_paths([file(tmp_path, "a.csv", text)], store, now=NOW)
    assert (report.events_new, report.events_known) == (1, 1)


def test_later_imports_go_into_the_indexed_log(store: Store, tmp_path: Path) -> None:
    indexes = "SELECT indexdef FROM pg_indexes WHERE tablename = 'events' AND schemaname = current_schema() ORDER BY 1"
    before = ask(store, indexes)
    import_paths([file(tmp_path, "a.csv", HEAD + "u,i,buy,1,1600000000\n")], store, now=NOW)
    report = import_paths(
        [file(tmp_path, "b.csv", HEAD + "u,i,buy,1,1600000000\nv,i,buy,1,1600000000\n")], store, now=NOW
    )
    assert (report.events_new, report.events_known) == (1, 1)
    assert ask(store, indexes) == before
    assert len(before) >= 2


def test_a_live_event_that_overtakes_an_import_hides_nothing_of_it(store: Store, tmp_path: Path) -> None:
    store.append([Event("ann", "i", time=1.0), Event("bob", "i", time=1.0)])
    path = file(tmp_path, "events.csv", HEAD + "ann,j,view,1,1600000000\nbob,j,view,1,1600000000\n")
    held = []

    def meanwhile(stage: str, _: float) -> None:
        if stage == "looking for what is odd":  # all events are in, and have their numbers; none is visible
            store.append([Event("ann", "i", time=2.0)])
            held.extend(happened(store, [Ask("ann")]))
            store.forget("bob")

    import_paths([path], store, now=NOW, progress=meanwhile)
    (before,) = held
    (after,) = happened(store, [Ask("ann", before.row, before.newest, before.retracted)])
    assert sorted(event[4] for event in after.events) == [1.0, 2.0, 1.6e9]
    assert ask(store, "SELECT count(*) FROM events WHERE user_row NOT IN (SELECT row FROM users)") == [0]
    import_paths([path], store, now=NOW)  # brings bob's again, and nothing of ann's
    assert sorted(ask(store, "SELECT id FROM users")) == ["ann", "bob"]


def test_an_import_and_a_live_event_of_somebody_unknown_wait_and_do_not_stand_crosswise(
    store: Store, tmp_path: Path
) -> None:
    users = file(tmp_path, "users.csv", "id,age\nann,30\n")
    events = file(tmp_path, "events.csv", HEAD + "ann,j,view,1,1600000000\n")
    with ThreadPoolExecutor(1) as aside:
        live: list[Future[int]] = []

        def meanwhile(stage: str, _: float) -> None:
            if stage == "merging events":  # users are merged, so new rows of users are ours until the end
                live.append(aside.submit(store.append, [Event("bob", "k", "like")]))
                while not (live[0].done() or ask(store, "SELECT count(*) FROM pg_locks WHERE NOT granted")[0]):
                    time.sleep(0.01)

        assert import_paths([users, events], store, now=NOW, progress=meanwhile).events_new == 1
        assert live[0].result() == 1
    assert sorted(ask(store, "SELECT id FROM users")) == ["ann", "bob"]


def test_one_id_with_two_contents_keeps_the_first(store: Store, tmp_path: Path) -> None:
    text = "id,user,item\ne1,u,i\ne1,u,i\ne1,u,j\ne2,u,j\n"
    report = import_paths([file(tmp_path, "events.csv", text)], store, now=NOW)
    assert (report.events_new, report.events_known, report.events_quarantined) == (2, 1, 1)
    (row,) = store.quarantined()
    assert (row.row_number, row.field, row.got) == (4, "events.id", "'e1', also of row 2")


def test_sources_merge_by_field_with_precedence(store: Store, tmp_path: Path) -> None:
    good = file(tmp_path, "curated_items.csv", "id,title,colour\ni,Right,\n")
    bulk = file(tmp_path, "bulk_items.csv", "id,title,colour,size\ni,Wrong,red,3\nj,Other,,\nj,,blue,\n")
    for paths in ([good, bulk], [bulk, good], [bulk]):
        options = ImportOptions(precedence={"curated_items.csv": 5} if good in paths else {})
        import_paths(paths, store, now=NOW, options=options)
        said = ask(store, "SELECT title, attributes, provenance FROM items ORDER BY id")
        title, attributes, provenance = said[0]
        assert (title, attributes) == ("Right", {"colour": "red", "size": 3})
        assert provenance["title"] == [f"{tmp_path.name}/curated_items.csv", 5]
        assert provenance["colour"] == [f"{tmp_path.name}/bulk_items.csv", 0]
        assert said[1][:2] == ("Other", {"colour": "blue"})  # empties never overwrite, within a file either


def test_a_precedence_may_name_the_folder_and_must_name_a_file(store: Store, tmp_path: Path) -> None:
    paths = []
    for name, title in (("a", "Right"), ("b", "Wrong")):
        (tmp_path / name).mkdir()
        paths.append(file(tmp_path / name, "items.csv", f"id,title\ni,{title}\n"))
    import_paths(paths, store, now=NOW, options=ImportOptions(precedence={"a/items.csv": 1}))
    assert ask(store, "SELECT title FROM items") == ["Right"]
    with pytest.raises(InvalidInput, match="c/items"):
        import_paths(paths, store, now=NOW, options=ImportOptions(precedence={"c/items.csv": 1}))


def test_unknown_ids_are_stubs_until_somebody_describes_them(store: Store, tmp_path: Path) -> None:
    report = import_paths(
        [file(tmp_path, "events.csv", HEAD + "u,i,view,,1600000000\nu,j,view,,1600000000\n")], store, now=NOW
    )
    found = report.finding("unknown item ids")
    assert found is not None
    assert (found.count, found.examples) == (2, ("i", "j", "in 2 events"))
    import_paths([file(tmp_path, "items.csv", "id,title\nj,Jay\n")], store, now=NOW)
    assert ask(store, "SELECT id, known, row FROM items ORDER BY row") == [("i", False, 0), ("j", True, 1)]


def test_robots_and_odd_columns_are_flagged_and_kept(store: Store, tmp_path: Path) -> None:
    lines = [f"robot,i{n},view,,{1600000000 + n}" for n in range(50)] + [
        "u,i1,view,,1600000000000",
        "u,i2,view,,2020-09-13",
    ]
    path = file(tmp_path, "events.csv", HEAD + "\n".join(lines) + "\n")
    report = import_paths([path], store, now=NOW, options=ImportOptions(pace=Pace(minute=20)))
    assert report.events_new == 52
    robots = report.finding("robots and bursts")
    assert robots is not None
    assert robots.count == 1
    # seconds :40 to :60 of the first minute (1600000000 is 12:26:40 UTC), then 30 in the next one
    assert robots.examples[0] == "robot: 30 in a minute, 50 in a day"
    for what in ("constant columns", "missing values", "times in milliseconds or finer", "ISO 8601 times"):
        assert report.finding(what) is not None, what
    assert json.dumps(report.to_json())
    assert len(report.rows()) == len(report.findings)


def test_quarantined_rows_are_mended_and_imported_again(store: Store, tmp_path: Path) -> None:
    text = HEAD + "u,i,rating,four,1600000000\nu,j,rating,5,1600000000\nu,k,rating\n"
    path = file(tmp_path, "events.csv", text)
    items = file(tmp_path, "items.csv", "id,title,hidden,year\ni,One,perhaps,1999\n")
    report = import_paths([path, items], store, now=NOW)
    assert (report.events_new, report.quarantined) == (1, 3)
    assert import_paths([path, items], store, now=NOW).quarantined == 3
    assert store.counts()["quarantined"] == 3  # not six
    files = export_quarantine(store, tmp_path / "bad")
    assert sorted(one.name for one in files) == ["events.jsonl", "items.jsonl"]
    still = import_paths(files, store, now=NOW)
    assert (still.quarantined, still.resolved, store.counts()["quarantined"]) == (3, 0, 3)
    mended = (tmp_path / "bad" / "events.jsonl").read_text().replace("four", "4")
    (tmp_path / "bad" / "events.jsonl").write_text(mended)
    mended = (tmp_path / "bad" / "items.jsonl").read_text().replace("perhaps", "true")
    (tmp_path / "bad" / "items.jsonl").write_text(mended)
    last = import_paths(files, store, now=NOW)
    assert (last.events_new, last.resolved, store.counts()["quarantined"]) == (1, 2, 1)
    assert ask(store, "SELECT title, hidden, attributes FROM items WHERE id = 'i'") == [("One", True, {"year": 1999})]


def test_refused_rows_about_an_item_go_with_it(store: Store, tmp_path: Path) -> None:
    events = file(tmp_path, "events.csv", HEAD + "u,secret,view,1,never\nu,kept,view,1,never\n")
    items = file(
        tmp_path, "items.jsonl", '{"id": "secret", "valid_from": "never"}\n{"id": "other", "title": "secret"}\n'
    )
    import_paths([events, items], store, now=NOW)
    assert store.delete_item("secret") == {"items": 0, "events": 0, "quarantine": 2}
    assert [json.loads(row)["item"] for row in ask(store, "SELECT raw FROM quarantine")] == ["kept"]


def test_an_error_imports_nothing_at_all(store: Store, tmp_path: Path) -> None:
    good = file(tmp_path, "a.csv", HEAD + "u,i,view,,1600000000\n")
    bad = file(tmp_path, "b.csv", HEAD)
    with pytest.raises(InvalidInput, match="at least one row"):
        import_paths([good, bad], store, now=NOW)
    assert {name: store.counts()[name] for name in ("events", "users", "items")} == {
        "events": 0,
        "users": 0,
        "items": 0,
    }


CELL = st.sampled_from(["0", "a", "b", "1", "-1", "nan", "1600000000", "9e9", "x\ny", '"', "view", "rating", " "])
ROWS = st.lists(st.lists(CELL, min_size=4, max_size=6), min_size=1, max_size=8)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=ROWS, second=ROWS)
def test_every_row_is_new_known_or_quarantined(store: Store, first: list[list[str]], second: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        texts = ["".join(",".join(row) + "\n" for row in rows) for rows in (first, second)]
        paths = [file(Path(folder), f"{n}.csv", HEAD + text) for n, text in enumerate(texts)]
        before = store.counts()["events"]
        report = import_paths(paths, store, now=NOW)
        again = import_paths(paths, store, now=NOW)
    assert report.events_read == report.events_new + report.events_known + report.events_quarantined
    assert store.counts()["events"] == before + report.events_new
    assert (again.events_new, again.events_read) == (0, report.events_read)
