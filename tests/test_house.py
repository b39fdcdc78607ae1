"""The rules of docs/architecture.md that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tools.map import MAP, ROOT, caption, modules, render
from tools.sizes import Function, file_sizes, function_sizes, functions, lines, parameters

FILE_LINES, FUNCTION_LINES, PARAMETERS = 300, 40, 6
NO_NAMES = {"utils", "util", "common", "base", "manager", "managers", "helpers", "helper", "misc"}
EDGE_CALLS = {"os.environ", "os.getenv", "sys.argv", "time.time", "time.time_ns", "datetime.now", "datetime.utcnow"}
EDGE_CALLS |= {"datetime.today", "date.today", "datetime.datetime.now", "np.datetime64('now')"}
CODE_LOADERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
HEAVY = {"torch", "sentence_transformers", "transformers", "peft", "lightning"}
SOURCES = [path for path in modules() if path.is_relative_to(ROOT / "src")]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def _dotted(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""


def _is_command(function: Function) -> bool:
    """A command of the command line, whose parameters are its options."""
    calls = [d.func if isinstance(d, ast.Call) else d for d in function.decorator_list]
    return any(isinstance(call, ast.Attribute) and call.attr in ("command", "callback") for call in calls)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _distributions(requirements: list[str]) -> set[str]:
    return {_canonical(re.split(r"[\[<>=!~; ]", requirement)[0]) for requirement in requirements}


def _imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0]


def _room(path: Path) -> str:
    return path.relative_to(ROOT / "src" / "regard").parts[0]


def _bypass(node: ast.AST) -> str:
    """How a node would run code that came as data, or nothing."""
    if not isinstance(node, ast.Call):
        return ""
    called, options = _dotted(node.func), {k.arg: k.value for k in node.keywords}
    if called in ("eval", "exec"):
        return called
    if called == "torch.load" and "weights_only" not in options:
        return "torch.load without weights_only"
    allowed = options.get("allow_pickle")
    return "allow_pickle" if isinstance(allowed, ast.Constant) and allowed.value is not False else ""


def test_every_module_opens_with_a_one_line_caption() -> None:
    wrong = [_name(p) for p in modules() if not (caption(p) and caption(p)[-1] in ".`" and len(caption(p)) <= 120)]
    assert not wrong, f"no caption of one line that ends with a full stop: {wrong}"


def test_the_map_is_what_the_captions_say() -> None:
    assert MAP.read_text("utf-8") == render(), "docs/map.md is old: python -m tools.map"


def test_no_file_and_no_function_outgrows_its_room() -> None:
    assert not {name: n for name, n in file_sizes().items() if n > FILE_LINES}, "is there a second idea inside?"
    assert not {name: n for name, n in function_sizes().items() if n > FUNCTION_LINES}, "name its parts"


def test_no_public_function_takes_more_than_six_parameters() -> None:
    many = {
        f"{_name(path)}:{f.lineno} {f.name}": parameters(f)
        for path in SOURCES
        for f in functions(path)
        if not f.name.startswith("_") and not _is_command(f) and parameters(f) > PARAMETERS
    }
    assert not many


def test_no_module_is_named_after_nothing() -> None:
    assert not [_name(p) for p in modules() if NO_NAMES & {p.stem, *p.parent.name.split("_"), *p.stem.split("_")}]


def test_no_data_is_ever_run_as_code() -> None:
    imported = {f"{_name(p)}: {name}" for p in SOURCES for name in _imports(ast.walk(_tree(p))) if name in CODE_LOADERS}
    called = {f"{_name(p)}: {found}" for p in SOURCES for node in ast.walk(_tree(p)) if (found := _bypass(node))}
    assert not imported | called


def test_only_serving_reads_environment_clock_and_arguments() -> None:
    read = {
        f"{_name(path)}:{node.lineno} {_dotted(node)}"
        for path in SOURCES
        if _room(path) != "serving"
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute | ast.Name) and _dotted(node) in EDGE_CALLS
    }
    hidden = {
        f"{_name(path)}:{node.lineno} from {node.module} import {alias.name}"
        for path in SOURCES
        if _room(path) != "serving"
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if f"{node.module}.{alias.name}" in EDGE_CALLS
    }
    assert not read | hidden


def _trains(path: Path) -> bool:
    """May a module import torch at its top? Only recipes import these, inside `fit`."""
    return str(path.relative_to(ROOT / "src" / "regard")).startswith(("models/networks/", "learning/"))


def test_torch_is_imported_inside_functions_only() -> None:
    sources = [p for p in SOURCES if not _trains(p)]
    assert not {_name(p): found for p in sources if (found := HEAVY & set(_imports(_tree(p).body)))}


def test_what_a_module_imports_is_declared() -> None:
    """At the top of a module only the core's dependencies; inside functions, and where networks are trained, all."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    core = _distributions(project["dependencies"])
    everything = core | _distributions([need for name, needs in extras.items() if name != "dev" for need in needs])
    homes = packages_distributions()
    wrong = set()
    for path in SOURCES:
        top = everything if _trains(path) else core
        for nodes, allowed in ((_tree(path).body, top), (list(ast.walk(_tree(path))), everything)):
            for name in set(_imports(nodes)) - set(sys.stdlib_module_names) - {"regard", "__future__"}:
                if not {_canonical(home) for home in homes.get(name, [name])} & allowed:
                    wrong.add(f"{_name(path)}: {name}")
    assert not wrong


@pytest.mark.parametrize("module", ["regard", "regard.serving.wiring", "regard.serving.cli"])
def test_what_serves_loads_no_torch(module: str) -> None:
    asked = f"import sys, {module}; print([n for n in {sorted(HEAVY)} if n in sys.modules])"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_each_rule_of_this_page_sees_what_it_should(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import pickle\nimport numpy as np\nnp.load('x', allow_pickle=True)\neval('1')\ntorch.load('m')\n")
    nodes = list(ast.walk(_tree(bad)))
    assert CODE_LOADERS & set(_imports(iter(nodes)))
    assert {_bypass(node) for node in nodes} == {"", "allow_pickle", "eval", "torch.load without weights_only"}
    bad.write_text('def f(self, a, b, *, c, **d):\n    """One.\n\n    Two.\n    """\n    return a\n')
    function = next(functions(bad))
    assert (parameters(function), lines(function)) == (3, 2)
