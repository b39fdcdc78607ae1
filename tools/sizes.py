"""The largest files and functions of the house: `python -m tools.sizes`; the limits stand in tests/test_house.py."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from tools.map import ROOT, modules

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
EVERYTHING = sorted({*modules(), *(ROOT / "tests").rglob("*.py")})


def functions(path: Path) -> Iterator[Function]:
    """Every function and method of a file."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8"), str(path)))
    return (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines(function: Function) -> int:
    """Lines of code from `def` to the end; the docstring does not count."""
    first, end = function.body[0], function.end_lineno or 0
    said = 0
    if ast.get_docstring(function) is not None:
        said = (first.end_lineno or 0) - first.lineno + 1
    return end - function.lineno + 1 - said


def parameters(function: Function) -> int:
    """How many arguments a caller may give; `self`, `*args` and `**kwargs` do not count."""
    taken = function.args
    names = [argument.arg for argument in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def file_sizes() -> Mapping[str, int]:
    """Lines of each file, by path."""
    return {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in EVERYTHING}


def function_sizes() -> Mapping[str, int]:
    """Lines of each function, by place and name."""
    return {f"{p.relative_to(ROOT)}:{f.lineno} {f.name}": lines(f) for p in EVERYTHING for f in functions(p)}


def report(largest: int = 5) -> str:
    """The largest of each kind, a line each."""
    text = ""
    for title, sizes in (("files", file_sizes()), ("functions", function_sizes())):
        text += f"{len(sizes)} {title}, {sum(sizes.values())} lines; the largest:\n"
        text += "".join(f"  {size:4d} {name}\n" for name, size in sorted(sizes.items(), key=lambda s: -s[1])[:largest])
    return text


if __name__ == "__main__":
    print(report(), end="")
