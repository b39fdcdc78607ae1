"""Releases: written whole, never changed, one of them live, and back again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from regard.data.artifacts import Artifact
from regard.domain.decisions import Release
from regard.domain.errors import InvalidInput, NotFound
from regard.feedback.releases import Releases
from regard.models.ease import FittedEASE
from tests.contracts.subjects import communities, fitted

FIRST = Release("0001", 2.0, 1.0, 7, {"ease": {"kind": "EASE", "l2": 5.0}}, {"events": 120})


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path / "releases")


def _add(releases: Releases, release: Release = FIRST) -> Release:
    return releases.add(release, fitted("ease").artifact(), communities())


def test_nothing_is_live_before_the_first(releases: Releases) -> None:
    assert (releases.names(), releases.next_name(), releases.live()) == ([], "0001", None)
    with pytest.raises(NotFound, match="regard fit"):
        releases.promote("0001")


def test_a_release_comes_back_with_its_model_and_its_data(releases: Releases) -> None:
    added = _add(releases)
    assert releases.get("0001") == added
    assert replace(added, checksums={}) == FIRST
    query = communities().query(3)
    model = FittedEASE.from_artifact(releases.model(FIRST))
    assert model.retrieve(query, 5).scores.tolist() == fitted("ease").retrieve(query, 5).scores.tolist()
    data = releases.data(FIRST)
    assert data.matrix().toarray().tolist() == communities().matrix().toarray().tolist()
    assert list(data.vectors) == ["content"]


def test_promoting_another_and_back_again(releases: Releases) -> None:
    for name in ("0001", "0002"):
        assert releases.next_name() == name
        _add(releases, replace(FIRST, name=name))
        assert releases.live() != releases.get(name)  # adding alone changes nothing for anybody
        releases.promote(name)
        assert releases.live() == releases.get(name)
    releases.promote("0001")
    assert releases.live() == releases.get("0001")
    assert releases.names() == ["0001", "0002"]


def test_a_release_never_changes(releases: Releases) -> None:
    _add(releases)
    with pytest.raises(InvalidInput, match="never change"):
        _add(releases, replace(FIRST, seed=8))
    assert releases.get("0001").seed == 7


def test_a_write_that_fails_leaves_no_release(releases: Releases, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(artifact: Artifact, folder: Path) -> None:
        folder.mkdir()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("regard.feedback.releases.save", full)
        with pytest.raises(OSError, match="No space"):
            _add(releases)
    assert (releases.names(), releases.next_name()) == ([], "0001")
    _add(releases)  # what the first attempt left does not stand in the way
    assert releases.names() == ["0001"]


def test_a_file_that_changed_came_or_went_is_told(releases: Releases) -> None:
    _add(releases)
    assert releases.damaged("0001") == []
    folder = releases.folder / "0001"
    (folder / "data" / "offsets.npy").write_bytes(b"other")
    (folder / "data" / "more.npy").write_bytes(b"new")
    (folder / "model" / "000.npy").unlink()
    assert releases.damaged("0001") == ["data/more.npy", "data/offsets.npy", "model/000.npy"]
