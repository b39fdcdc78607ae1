"""Runs of lists as one; those of labels in test_labels.py."""

from __future__ import annotations

from typing import Any

from benchmarks import joining


def test_runs_of_lists_are_joined_too() -> None:
    def run(model: str, **more: Any) -> dict[str, Any]:
        row = {"dataset": "Gowalla", "system": "regard", "model": model, "seed": 0, "split_sha256": "x"}
        return {"id": "B2", "rows": [row], "comparisons": [{"dataset": "Gowalla"}], "left_out": [], **more}

    found = joining.joined([run("a", notes=["quiet"]), run("b", by_seed=[])])
    assert [row["model"] for row in found["rows"]] == ["a", "b"]
    assert found["notes"] == [joining.JOINED, "quiet"]
    assert len(found["comparisons"]) == 2
