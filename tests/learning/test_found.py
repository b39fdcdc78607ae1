"""Found: a front by hand, the best by each figure, what is printed and written."""

from __future__ import annotations

import json
from math import nan
from pathlib import Path

import pytest

from regard.domain.errors import InvalidInput
from regard.learning.found import Found, Trial, Worth
from regard.learning.found_page import write
from regard.learning.knobs import OneOf
from regard.learning.spaces import Space

SETTING = {
    "split": "by hand",
    "sha256": "0" * 64,
    "people": 7,
    "k": 10,
    "variety": "coverage",
    "latency": "ms",
    "seed": 0,
}


def trial(number: int, accuracy: float, variety: float, latency: float, same_as: int | None = None) -> Trial:
    worth = Worth(accuracy, accuracy - 0.01, accuracy + 0.01, variety, latency)
    return Trial(number, "done", {"l2": number}, f"recipe {number}", worth, {1: 0.5}, same_as=same_as)


FOUND = Found(
    "EASE",
    Space({"l2": OneOf(0, 1, 2)}),
    SETTING,
    (
        trial(0, 0.20, 0.50, 1.00),
        trial(1, 0.30, 0.40, 1.00),
        trial(2, 0.19, 0.40, 0.99),  # a little faster than 0 and 1, but not by a quarter: nothing to choose it for
        trial(3, 0.10, 0.10, 0.40),  # much faster
        trial(4, 0.30, 0.40, 1.01, same_as=1),
        Trial(5, "pruned", {"l2": 5}, "recipe 5", epochs={1: 0.1, 2: 0.1}),
        Trial(6, "failed", {"l2": 6}, "recipe 6", said="<too far>"),
    ),
)


def test_the_front_by_hand_and_the_best_by_each_figure() -> None:
    assert [t.number for t in FOUND.front] == [1, 0, 3]
    assert [FOUND.best().number, FOUND.best("variety").number, FOUND.best("latency").number] == [1, 0, 3]
    assert FOUND.best("accuracy").recipe == "recipe 1"
    with pytest.raises(InvalidInput, match="one of accuracy, variety, latency"):
        FOUND.best("beauty")  # type: ignore[arg-type]


def test_an_undefined_figure_is_on_no_front_and_null_in_json() -> None:
    found = Found("EASE", FOUND.space, SETTING, (trial(0, 0.2, nan, 1.0), trial(1, 0.1, 0.5, 1.0)))
    assert [t.number for t in found.front] == [1]
    assert found.best("variety").number == 1
    assert json.loads(found.to_json())["trials"][0]["variety"] is None


def test_the_table_says_what_stands_on_the_front() -> None:
    lines = str(FOUND).splitlines()
    assert lines[0] == "EASE: 7 trials (5 done, 1 pruned, 1 failed); by hand; the front:"
    assert lines[1].split() == ["trial", "l2", "N@10", "95%", "interval", "coverage", "ms"]
    assert lines[2].split() == ["1", "1", ".3000", ".2900", "to", ".3100", ".4000", "1"]
    assert [line.split()[0] for line in lines[2:5]] == ["1", "0", "3"]


def test_a_search_is_written_as_json_and_as_a_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra `demo`")
    written = write(FOUND, tmp_path / "new" / "folder")
    assert [path.name for path in written] == ["search.json", "search.html"]
    kept = json.loads(written[0].read_text("utf-8"))
    assert kept["front"] == [1, 0, 3]
    assert [t["front"] for t in kept["trials"]] == [True, True, False, True, False, False, False]
    assert kept["trials"][5]["epochs"] == {"1": 0.1, "2": 0.1}
    assert kept["trials"][5]["accuracy"] is None
    assert kept["trials"][6]["said"] == "<too far>"
    page = written[1].read_text("utf-8")
    assert page.count("<svg") == 2
    assert page.count("<tr>") == 2 + 3 + 4  # two heads, the front, the others
    assert "pruned" in page
