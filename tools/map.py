"""Writes docs/map.md from the captions of the modules: `python -m tools.map`."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAP = ROOT / "docs" / "map.md"
FOLDERS = ("src/regard", "benchmarks", "tools")
ORDER = ("serving", "people", "feedback", "recommending", "models", "learning", "measurement", "data", "domain")
OPENING = """# The map

Every module by its caption, rooms from the edge inwards. Written by `python -m tools.map`; `tests/test_house.py` fails
where it differs. What the rooms are for stands in [architecture.md](architecture.md).
"""


def modules() -> list[Path]:
    """Every Python file of the house, by path."""
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def caption(path: Path) -> str:
    """The first line of a module's docstring; empty where there is none."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return docstring.split("\n", 1)[0].strip()


def render() -> str:
    """The text of docs/map.md."""
    folders: dict[Path, list[Path]] = {}
    for path in modules():
        folders.setdefault(path.parent, []).append(path)
    return OPENING + "".join(_folder(folder, folders[folder]) for folder in sorted(folders, key=_place))


def _place(folder: Path) -> tuple[int, int, str]:
    path = folder.relative_to(ROOT)
    room = path.parts[2] if len(path.parts) > 2 else ""
    return (
        FOLDERS.index("/".join(path.parts[:2]) if path.parts[0] == "src" else path.parts[0]),
        (ORDER.index(room) if room in ORDER else -1),
        str(path),
    )


def _folder(folder: Path, paths: list[Path]) -> str:
    opening = folder / "__init__.py"
    said = f"{caption(opening)}\n\n" if opening in paths else ""
    rows = "".join(f"- [{p.name}](../{p.relative_to(ROOT)}): {caption(p)}\n" for p in paths if p != opening)
    return f"\n## {folder.relative_to(ROOT)}\n\n{said}{rows}".rstrip() + "\n"


if __name__ == "__main__":
    MAP.write_text(render(), "utf-8")
