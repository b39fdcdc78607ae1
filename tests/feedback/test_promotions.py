"""Promotions: nothing goes live past its gate or without a signature, and every step is in the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.data.postgres import Store
from regard.data.release_rows import Row, all_rows, all_steps, row_of
from regard.domain.decisions import Condition, Release
from regard.domain.errors import Conflict, InvalidInput, NotFound, RegardError
from regard.feedback.approval import approve, is_approved, key_of
from regard.feedback.promotions import Promotions
from regard.feedback.releases import Releases

GOOD = (Condition("accuracy, everybody", 0.01, -0.02, "at least"),)
BAD = (Condition("accuracy, everybody", -0.30, -0.02, "at least", "N@10 .20 -> .14"),)


@pytest.fixture
def promotions(store: Store, tmp_path: Path) -> Promotions:
    return Promotions(Releases(tmp_path / "releases"), store, b"key")


def enter(promotions: Promotions, name: str, gate: tuple[Condition, ...] = GOOD, at: float = 1.0) -> None:
    """A release whose folder holds next to nothing."""
    folder = promotions.releases.folder / name
    folder.mkdir(parents=True)
    release = Release(name, at, 0.0, 0, {"ease": {"kind": "EASE"}})
    (folder / "release.json").write_text(json.dumps(asdict(release)))
    promotions.enter(release, gate, "test", at)


def _live(promotions: Promotions, name: str, at: float = 2.0) -> None:
    enter(promotions, name)
    promotions.approve(name, "ann", at)
    promotions.go_live(name, "ann", at)


def _serves(promotions: Promotions) -> str | None:
    live = promotions.releases.live()
    return None if live is None else live.name


def test_the_whole_way_and_back(promotions: Promotions) -> None:
    _live(promotions, "0001")
    enter(promotions, "0002")
    assert _serves(promotions) == "0001"
    promotions.approve("0002", "ann", 3.0)
    assert promotions.try_out("0002", 0.1, "ann", 3.0).share == 0.1
    assert _serves(promotions) == "0001"
    promotions.go_live("0002", "ann", 4.0)
    assert (_serves(promotions), promotions.canary()) == ("0002", None)
    assert {row.name: row.state for row in all_rows(promotions.store)} == {"0001": "retired", "0002": "live"}
    assert promotions.roll_back("bob", "complaints", 5.0) == ("0002", "0001")
    assert _serves(promotions) == "0001"
    told = [(s.name, s.was, s.state, s.who, s.emergency) for s in all_steps(promotions.store)]
    assert told == [
        ("0001", None, "candidate", "test", False),
        ("0001", "candidate", "live", "ann", False),
        ("0002", None, "candidate", "test", False),
        ("0002", "candidate", "canary", "ann", False),
        ("0001", "live", "retired", "ann", False),
        ("0002", "canary", "live", "ann", False),
        ("0002", "live", "retired", "bob", True),
        ("0001", "retired", "live", "bob", True),
    ]
    assert promotions.go_live("0001", "ann", 6.0).state == "live"  # is so already
    assert len(all_steps(promotions.store)) == 8
    with pytest.raises(Conflict, match="signed approval"):  # what was taken back does not come back by itself
        promotions.go_live("0002", "ann", 7.0)
    promotions.approve("0002", "ann", 8.0)
    promotions.go_live("0002", "ann", 8.0)
    assert _serves(promotions) == "0002"


def test_a_worse_release_is_refused_with_the_reason(promotions: Promotions) -> None:
    _live(promotions, "0001")
    enter(promotions, "0002", BAD)
    assert row_of(promotions.store, "0002").state == "refused"
    assert all_steps(promotions.store)[-1].why == "accuracy, everybody is -0.3, must be at least -0.02"
    ways: tuple[Callable[[], object], ...] = (
        lambda: promotions.approve("0002", "ann", 3.0),
        lambda: promotions.try_out("0002", 0.1, "ann", 3.0),
        lambda: promotions.go_live("0002", "ann", 3.0),
    )
    for way in ways:
        with pytest.raises(Conflict, match=r"accuracy, everybody: -0\.3 \(at least -0\.02\)"):
            way()
    assert _serves(promotions) == "0001"


def test_no_release_without_a_signed_approval_of_its_very_files(promotions: Promotions) -> None:
    enter(promotions, "0001")
    with pytest.raises(Conflict, match="signed approval"):
        promotions.go_live("0001", "ann", 2.0)
    with pytest.raises(InvalidInput, match="approver"):
        promotions.approve("0001", " ", 2.0)
    row = promotions.approve("0001", "ann", 2.0)
    assert is_approved(row, b"key")
    assert not is_approved(row, b"another key")
    assert not is_approved(replace(row, approver="bob"), b"key")
    assert not is_approved(replace(row, about={**row.about, "seed": 9}), b"key")
    assert not is_approved(replace(row, gate=[]), b"key")
    with promotions.store.transaction() as connection:  # somebody with the database alone
        connection.execute("UPDATE releases SET approver = 'bob'")
    with pytest.raises(Conflict, match="other files or another table"):
        promotions.go_live("0001", "ann", 2.0)


def test_damaged_files_do_not_go_live(promotions: Promotions) -> None:
    enter(promotions, "0001")
    promotions.approve("0001", "ann", 2.0)
    path = promotions.releases.folder / "0001" / "release.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "checksums": {"model/000.npy": "ab"}}))
    with pytest.raises(Conflict, match=r"model/000\.npy"):
        promotions.go_live("0001", "ann", 2.0)


def test_judging_again_voids_an_approval(promotions: Promotions) -> None:
    _live(promotions, "0001")
    enter(promotions, "0002", BAD)
    assert promotions.judge_again("0002", GOOD, "ann", 3.0).state == "candidate"
    promotions.approve("0002", "ann", 3.0)
    assert promotions.judge_again("0002", BAD, "ann", 4.0).signature is None
    with pytest.raises(Conflict, match="gate that it passes"):
        promotions.go_live("0002", "ann", 4.0)
    with pytest.raises(Conflict, match="does not serve"):
        promotions.judge_again("0001", BAD, "ann", 4.0)


def test_a_rollback_takes_the_canary_first_and_needs_a_name_and_a_reason(promotions: Promotions) -> None:
    with pytest.raises(NotFound, match="regard fit"):
        promotions.roll_back("bob", "why not", 1.0)
    _live(promotions, "0001")
    with pytest.raises(Conflict, match="live before"):
        promotions.roll_back("bob", "why not", 2.0)
    for who, why in (("", "x"), ("bob", " ")):
        with pytest.raises(InvalidInput, match="rollback"):
            promotions.roll_back(who, why, 2.0)
    enter(promotions, "0002")
    promotions.approve("0002", "ann", 3.0)
    promotions.try_out("0002", 0.5, "ann", 3.0)
    assert promotions.roll_back("guard", "loss of likes", 4.0) == ("0002", "0001")
    assert _serves(promotions) == "0001"
    assert not all_steps(promotions.store)[-1].emergency  # nobody's usual lists changed
    with pytest.raises(InvalidInput, match="share"):
        promotions.try_out("0002", 1.0, "ann", 5.0)


def test_a_crash_between_pointer_and_rows_is_settled_by_what_serves(
    promotions: Promotions, monkeypatch: pytest.MonkeyPatch
) -> None:
    _live(promotions, "0001")
    enter(promotions, "0002")
    promotions.approve("0002", "ann", 3.0)

    def crash(self: Releases, name: str, real: Callable[[Releases, str], None] = Releases.promote) -> None:
        real(self, name)
        raise OSError("power cut after the pointer moved")

    with monkeypatch.context() as broken:
        broken.setattr(Releases, "promote", crash)
        with pytest.raises(OSError, match="power cut"):
            promotions.go_live("0002", "ann", 3.0)
    assert (_serves(promotions), promotions.live().name) == ("0002", "0001")  # type: ignore[union-attr]
    promotions.settle(4.0)
    assert promotions.live().name == "0002"  # type: ignore[union-attr]
    assert promotions.settle(5.0) == []


def test_releases_older_than_the_rows_are_found(promotions: Promotions) -> None:
    for name in ("0001", "0002"):
        enter(promotions, name)
    promotions.releases.promote("0002")
    with promotions.store.transaction() as connection:
        connection.execute("DELETE FROM releases")
    promotions.settle(9.0)
    assert {row.name: row.state for row in all_rows(promotions.store)} == {"0001": "retired", "0002": "live"}
    with pytest.raises(Conflict, match="no gate yet"):
        promotions.go_live("0001", "ann", 9.0)


def test_the_log_of_steps_cannot_be_changed(promotions: Promotions) -> None:
    enter(promotions, "0001")
    for change in ("UPDATE release_steps SET who = 'nobody'", "DELETE FROM release_steps"):
        with pytest.raises(psycopg.Error, match="rows are only added"), promotions.store.transaction() as connection:
            connection.execute(change.encode())
    assert all_steps(promotions.store)[0].who == "test"


MOVES = st.lists(
    st.tuples(st.sampled_from(["enter", "enter bad", "approve", "try", "live", "back", "judge"]), st.integers(1, 4)),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_whatever_is_done_only_what_passed_and_was_signed_serves(
    store: Store, tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, int]]
) -> None:
    with store.transaction() as connection:
        connection.execute("TRUNCATE releases, release_steps")
    promotions = Promotions(Releases(tmp_path_factory.mktemp("r")), store, key_of(tmp_path_factory.mktemp("k")))
    good: dict[str, bool] = {}
    for at, (move, number) in enumerate(moves):
        name = f"{number:04d}"
        acts: dict[str, Callable[[], object]] = {
            "enter": lambda name=name: enter(promotions, name),  # type: ignore[misc]
            "enter bad": lambda name=name: enter(promotions, name, BAD),  # type: ignore[misc]
            "approve": lambda name=name, at=at: promotions.approve(name, "ann", float(at)),  # type: ignore[misc]
            "try": lambda name=name, at=at: promotions.try_out(name, 0.1, "ann", float(at)),  # type: ignore[misc]
            "live": lambda name=name, at=at: promotions.go_live(name, "ann", float(at)),  # type: ignore[misc]
            "back": lambda at=at: promotions.roll_back("ann", "because", float(at)),  # type: ignore[misc]
            "judge": lambda name=name, at=at: promotions.judge_again(name, BAD, "ann", float(at)),  # type: ignore[misc]
        }
        try:
            acts[move]()
        except (RegardError, FileExistsError):
            continue
        finally:
            good.setdefault(name, move == "enter")
        rows = {row.name: row for row in all_rows(store)}
        serving = promotions.releases.live()
        live = [row.name for row in rows.values() if row.state == "live"]
        assert live == ([] if serving is None else [serving.name])
        for row in rows.values():
            if row.state in ("live", "canary"):
                assert good[row.name]
                assert is_approved(row, promotions.key)
    steps = all_steps(store)
    for row in all_rows(store):  # the log alone says where everything stands
        assert [s.state for s in steps if s.name == row.name][-1] == row.state


def test_the_key_is_made_once_and_for_this_user_only(tmp_path: Path) -> None:
    key = key_of(tmp_path / "tenant")
    assert len(key) == 32
    assert key_of(tmp_path / "tenant") == key
    assert (tmp_path / "tenant" / "approvals.key").stat().st_mode & 0o077 == 0
    row = Row("0001", "candidate", 0.0, 0.0, {})
    assert is_approved(approve(row, "ann", 1.0, key), key)
    assert not is_approved(approve(row, "ann", 1.0, b"some other key"), key)
