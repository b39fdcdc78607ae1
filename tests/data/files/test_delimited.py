"""Delimited text: what is written is read, regular or not; every line is a row or a bad line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.data.files.delimited import Delimited
from regard.data.files.opening import Limits

CELL = st.text(st.sampled_from('ab"é,;\n \t|1.'), max_size=6)
TABLE = st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12)
SMALL = Limits(line=1000, block=16)  # rows cross the borders of blocks


def read(path: Path, form: Delimited, limits: Limits) -> tuple[list[tuple[str, ...]], list[tuple[int, str]]]:
    rows, bad = [], []
    for batch in form.read(path, limits):
        rows += [tuple(cell or "" for cell in row[:-1]) for row in batch.frame.rows()]
        bad += [(one.row, one.got) for one in batch.bad]
    return rows, bad


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=TABLE, small=st.booleans(), quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_is_written_is_read(tmp_path: Path, table: list[tuple[str, ...]], small: bool, quoting: int) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator="\n").writerows([("a", "b", "c"), *table])  # type: ignore[arg-type]
    path = tmp_path / "table.csv"
    path.write_bytes(text.getvalue().encode())
    rows, bad = read(path, Delimited(",", ("a", "b", "c"), header=True), SMALL if small else Limits())
    assert (rows, bad) == (table, [])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text(st.sampled_from('xy,"1'), max_size=8), max_size=12), small=st.booleans())
def test_no_line_is_lost(tmp_path: Path, lines: list[str], small: bool) -> None:
    path = tmp_path / "lines.csv"
    path.write_text("\n".join(["a,b", *lines]) + "\n")
    covered: list[int] = []
    for batch in Delimited(",", ("a", "b"), header=True).read(path, SMALL if small else Limits()):
        for *cells, row in batch.frame.rows():
            covered += [row + n for n in range(1 + sum((cell or "").count("\n") for cell in cells))]
        covered += [one.row for one in batch.bad]
    assert len(set(covered)) == len(covered)  # none twice
    assert {number for number, line in enumerate(lines, 2) if line.strip()} <= set(covered)


def test_an_open_quote_costs_one_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('u1,"never closed\nu2,b\nu3,"c, d"\nu4,12" disc\n')
    rows, bad = read(path, Delimited(",", ("a", "b"), header=False), Limits())
    assert rows == [("u2", "b"), ("u3", "c, d"), ("u4", '12" disc')]
    assert bad == [(1, "a quote that is never closed")]


def test_separators_of_two_characters(tmp_path: Path) -> None:
    path = tmp_path / "r.dat"
    path.write_text("1::2::3\n4::5\n6::7::8::9\n")
    rows, bad = read(path, Delimited("::", ("a", "b", "c"), header=False, quoted=False), Limits())
    assert (rows, bad) == ([("1", "2", "3")], [(2, "2 fields"), (3, "4 fields")])
