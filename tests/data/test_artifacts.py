"""Artifacts come back bit for bit, notice damage, and replace each other as wholes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from regard.data import artifacts
from regard.data.artifacts import Artifact, load, save, sparse_arrays, sparse_matrix
from regard.domain.arrays import Array
from regard.domain.errors import Conflict, InvalidInput, NotFound, Unavailable

DTYPES: st.SearchStrategy[np.dtype[Any]] = st.sampled_from(
    [np.dtype(kind) for kind in (np.float32, np.float64, np.int16, np.int64, np.bool_, "<U3")]
)
ARRAYS: st.SearchStrategy[Array] = hnp.arrays(
    DTYPES,
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


def small(value: float = 1.0) -> Artifact:
    part = Artifact("ease", {"l2": 0.1}, {"weights": np.arange(6.0).reshape(2, 3)})
    return Artifact("blend", {"names": ["a"], "deep": {"x": None, "y": True}}, {"mix": np.array([value])}, {"a": part})


@given(arrays=st.dictionaries(st.text(min_size=1, max_size=6), ARRAYS, max_size=4), mmap=st.booleans())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arrays_come_back_bit_for_bit(tmp_path: Path, arrays: dict[str, Array], mmap: bool) -> None:
    save(Artifact("kind", {}, arrays), tmp_path / "x")
    found = load(tmp_path / "x", mmap=mmap)
    assert list(found.arrays) == list(arrays)
    for name, array in arrays.items():
        assert found.arrays[name].dtype == array.dtype
        assert found.arrays[name].shape == array.shape
        assert found.arrays[name].tobytes() == array.tobytes()


def test_parts_and_recipes_come_back(tmp_path: Path) -> None:
    save(small(), tmp_path / "deep" / "x")
    found = load(tmp_path / "deep" / "x")
    assert (found.kind, found.recipe) == ("blend", {"names": ["a"], "deep": {"x": None, "y": True}})
    assert (found.parts["a"].kind, found.parts["a"].recipe) == ("ease", {"l2": 0.1})
    assert found.parts["a"].arrays["weights"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_sparse_matrices_come_back(tmp_path: Path) -> None:
    matrix = sparse.csr_array(np.array([[0, 1.5, 0], [2, 0, 0]], np.float32))
    empty = sparse.csr_array((3, 0), dtype=np.float64)
    save(Artifact("m", {}, sparse_arrays("one", matrix) | sparse_arrays("two", empty)), tmp_path / "x")
    arrays = load(tmp_path / "x").arrays
    one, two = sparse_matrix("one", arrays), sparse_matrix("two", arrays)
    assert (one.toarray().tolist(), one.dtype) == (matrix.toarray().tolist(), np.float32)
    assert (two.shape, two.dtype) == ((3, 0), np.float64)


def test_every_single_damaged_byte_is_noticed_and_its_file_named(tmp_path: Path) -> None:
    save(small(), tmp_path / "x")
    for path in sorted(p for p in (tmp_path / "x").rglob("*") if p.is_file()):
        whole = path.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(InvalidInput) as raised:
                load(tmp_path / "x")
            assert raised.value.where == str(path)
        path.write_bytes(whole[:-1])
        with pytest.raises(InvalidInput):
            load(tmp_path / "x")
        path.write_bytes(whole)
    assert load(tmp_path / "x").kind == "blend"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    save(small(), tmp_path / "x")
    (tmp_path / "x" / "000.npy").unlink()
    with pytest.raises(InvalidInput, match=r"000\.npy"):
        load(tmp_path / "x")
    with pytest.raises(NotFound):
        load(tmp_path / "nowhere")


def test_objects_are_refused() -> None:
    with pytest.raises(InvalidInput, match="objects"):
        Artifact("x", {}, {"names": np.array(["a", None], object)})


def test_a_recipe_must_be_plain(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="recipe"):
        save(Artifact("x", {"path": Path()}), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_replaces_as_a_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    save(small(1.0), tmp_path / "x")
    mapped = load(tmp_path / "x", mmap=True)
    save(small(2.0), tmp_path / "x")
    assert load(tmp_path / "x").arrays["mix"].tolist() == [2.0]
    assert mapped.arrays["mix"].tolist() == [1.0]  # who still maps the old one keeps it
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_save_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(small(1.0), tmp_path / "x")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("regard.data.artifacts._to_disk", full)
    with pytest.raises(Unavailable, match="No space"):
        save(small(2.0), tmp_path / "x")
    assert load(tmp_path / "x").arrays["mix"].tolist() == [1.0]
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_never_replaces_what_is_no_artifact(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(Conflict):
        save(small(), tmp_path)


def forge(folder: Path, **said: Any) -> None:
    """Change the manifest of an artifact and its own sum with it."""
    path = folder / "manifest.json"
    about = json.loads(path.read_text()) | said
    del about["sha256"]
    path.write_text(json.dumps({**about, "sha256": artifacts._own_sum(about)}))


def test_a_manifest_from_the_future_is_refused(tmp_path: Path) -> None:
    save(small(), tmp_path / "x")
    forge(tmp_path / "x", format=9)
    with pytest.raises(InvalidInput, match="format 1"):
        load(tmp_path / "x")


@pytest.mark.parametrize("outside", ["../y/000.npy", "/etc/passwd", "part000/000.npy", ".."])
def test_a_manifest_reaches_nothing_outside_its_folder(tmp_path: Path, outside: str) -> None:
    save(small(), tmp_path / "x")
    save(small(), tmp_path / "y")
    entry = json.loads((tmp_path / "y" / "manifest.json").read_text())["files"]["000.npy"]
    forge(tmp_path / "x", files={outside: entry})
    with pytest.raises(InvalidInput, match="beside it"):
        load(tmp_path / "x")
