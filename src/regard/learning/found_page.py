"""Found page: a search as one self-contained HTML file, the front first, for a person to choose from."""

from __future__ import annotations

from html import escape
from pathlib import Path

from regard.learning.found import Found, Trial
from regard.measurement.page import STYLE
from regard.measurement.plots import front_plot


def write(found: Found, folder: Path) -> list[Path]:
    """`search.json` with every trial and the page `search.html`; Unavailable without matplotlib."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {folder / "search.json": found.to_json(), folder / "search.html": found_page(found)}
    for path, text in written.items():
        path.write_text(text, "utf-8")
    return list(written)


def found_page(found: Found) -> str:
    """The whole HTML document; Unavailable without matplotlib."""
    accuracy, variety = f"N@{found.setting['k']}", found.setting["variety"]
    plots = [
        front_plot(f"{accuracy} against {variety}", variety, _points(found, "variety")),
        front_plot(f"{accuracy} against latency", "ms a list, measured", _points(found, "latency")),
    ]
    front = found.front
    counts = "".join(f"<span>{n} {state}</span>" for state, n in found.counts().items() if n)
    rest = tuple(trial for trial in found.trials if trial not in front)
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Search: {escape(found.kind)}</title><style>{STYLE}</style></head>"
    )
    body = (
        f"<h1>Search: {escape(found.kind)}</h1>"
        f"<p>{escape(found.setting['split'])}; validation sha256 <code>{found.setting['sha256'][:16]}</code>; "
        f"{found.setting['people']:,} people; seed {found.setting['seed']}</p>"
        f'<div class="facts"><span>{len(found.trials)} trials</span>{counts}</div>'
        "<h2>To choose from</h2><p>Nothing else that was tried is better in one of the three figures and no worse in "
        f"the others. Nothing is chosen for you. Latency: {escape(found.setting['latency'])}.</p>"
        f'<div class="card">{_table(found, front)}</div>'
        f'<h2>Plots</h2><div class="plots">{"".join(f"""<div class="card">{plot}</div>""" for plot in plots)}</div>'
        + (f'<h2>The others</h2><div class="card">{_table(found, rest)}</div>' if rest else "")
    )
    return f"{head}<body><main>{body}</main></body></html>"


def _points(found: Found, across: str) -> list[tuple[str, float, float, bool]]:
    front = found.front
    return [
        (str(trial.number), getattr(trial.worth, across), trial.worth.accuracy, trial in front)
        for trial in found.trials
        if trial.worth is not None and trial.same_as is None
    ]


def _table(found: Found, trials: tuple[Trial, ...]) -> str:
    names, *rows = found.rows(trials)
    heads = "".join(f"<th>{escape(name)}</th>" for name in names)
    cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
