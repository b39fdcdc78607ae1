"""Damaged inputs: one clear error or a quarantined row, and nothing else is lost."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from regard.data.importing import import_paths
from regard.data.postgres import Store
from regard.data.store.server import Server
from regard.domain.errors import InvalidInput
from tests.data.damaged import DAMAGES, ROOT, Damage, document

NOW = 1_700_000_000.0


@pytest.fixture(scope="module")
def shared(server: Server) -> Iterator[Store]:
    with Store.open(server.folder, "damaged") as store:
        yield store


@pytest.fixture
def emptied(shared: Store) -> Store:
    with shared.transaction() as connection:
        connection.execute("TRUNCATE users, items, events, quarantine")
    return shared


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.what)
def test_damaged_input(emptied: Store, tmp_path: Path, damage: Damage) -> None:
    if ROOT and not damage.as_root:
        pytest.skip("root may read everything")
    paths = damage.make(tmp_path)
    if damage.error:
        with pytest.raises(InvalidInput) as refused:
            import_paths(paths, emptied, now=NOW)
        said = str(refused.value)
        assert damage.error in said
        assert len(said) < 600
        assert emptied.counts()["events"] == 0
        return
    report = import_paths(paths, emptied, now=NOW)
    rows = emptied.quarantined()
    assert report.events_new == damage.kept == emptied.counts()["events"], report.rows()
    assert tuple(row.field.partition(".")[2] for row in rows) == damage.bad
    assert report.quarantined == len(damage.bad)
    for row in rows:
        assert row.source
        assert row.row_number >= 1
        assert row.expected
        assert row.got
        assert row.raw


def test_a_line_of_2_gb_is_not_read_into_memory(shared: Store, tmp_path: Path) -> None:
    damage = next(one for one in DAMAGES if "2 GB" in one.what)
    paths = damage.make(tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidInput):
        import_paths(paths, shared, now=NOW)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024  # KB


def test_the_list_is_written_down() -> None:
    assert len(DAMAGES) >= 30
    page = Path(__file__).parents[2] / "docs" / "damaged-inputs.md"
    assert page.read_text(encoding="utf-8") == document(), "python -m tests.data.damaged"
