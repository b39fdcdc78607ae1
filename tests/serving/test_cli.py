"""The commands as a user types them, on the embedded store, over one small catalogue with an obvious answer."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from regard.data.translations import translator
from regard.serving import cli, fitting_screens

GENRES = ("crime", "comedy")


def catalogue(folder: Path) -> list[Path]:
    """40 films in two genres; 60 people who each like films of one genre only."""
    rng = np.random.default_rng(0)
    items = pl.DataFrame(
        {
            "id": [f"f{n}" for n in range(40)],
            "title": [f"Film {n}" for n in range(40)],
            "text": [f"A {GENRES[n % 2]} story about number {n}" for n in range(40)],
            "tags": [[GENRES[n % 2]] for n in range(40)],
            "creator": [f"Director {n % 13}" for n in range(40)],
        }
    )
    rows = [
        (f"u{user}", f"f{2 * film + user % 2}", "like", 1.7e9 + 1000 * user + place)
        for user in range(60)
        for place, film in enumerate(rng.choice(20, 8, replace=False))
    ]
    events = pl.DataFrame(rows, schema=["user", "item", "type", "time"], orient="row")
    paths = [folder / "items.jsonl", folder / "events.csv"]
    items.write_ndjson(paths[0])
    events.write_csv(paths[1])
    return paths


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    paths = catalogue(folder)
    with pytest.MonkeyPatch.context() as patch:
        report = _run(patch, "import", *map(str, paths), "--folder", str(folder))
        assert (report["events_new"], report["items_new"]) == (480, 40)
        fitted = _run(patch, "fit", "--folder", str(folder))
        assert fitted["release"] == "0001"
        assert abs(sum(own["cold"] for own in fitted["weights"].values()) - 1) < 1e-9
        yield folder


def _run(patch: pytest.MonkeyPatch, *words: str, code: int = 0) -> Any:
    patch.setattr("sys.argv", ["regard", *words, "--json"])
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as stop:
        cli.main()
    assert (stop.value.code or 0) == code, out.getvalue()
    return json.loads(out.getvalue())


def test_a_list_holds_new_films_of_the_person_s_genre_with_reasons(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _run(monkeypatch, "recommend", "u1", "-k", "5", "--folder", str(home))
    assert [item["position"] for item in answer["items"]] == [0, 1, 2, 3, 4]
    assert all(int(item["id"][1:]) % 2 == 1 for item in answer["items"])  # u1 likes the odd ones
    assert all(item["reason"]["text"] and item["sources"] for item in answer["items"])
    assert answer["dropped"]["seen"] == 8


def test_a_reason_s_amounts_sum_to_the_score(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _run(monkeypatch, "recommend", "u2", "-k", "1", "--folder", str(home))["items"][0]
    answer = _run(monkeypatch, "explain", "u2", first["title"], "--folder", str(home))
    assert answer["score"] == pytest.approx(first["score"], abs=1e-5)
    assert answer["position"] == 0


def test_why_not_names_the_filter_that_dropped_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = pl.read_csv(home / "events.csv").filter(pl.col("user") == "u3")["item"][0]
    answer = _run(monkeypatch, "why-not", "u3", seen, "--folder", str(home))
    assert (answer["fell"], answer["dropped_by"]) == ("dropped", "seen")
    assert "met it" in answer["text"]


def test_similar_films_share_the_genre(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _run(monkeypatch, "similar", "f0", "-k", "3", "--folder", str(home))
    assert all(int(item["id"][1:]) % 2 == 0 for item in answer["by"]["use"])
    everything = _run(monkeypatch, "similar", "f0", "-k", "100", "--folder", str(home))["by"]
    assert all(item["score"] > 0 for found in everything.values() for item in found)  # nothing in common is not like


def test_evaluate_ranks_the_blend_above_popularity(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = home / "report.html"
    answer = _run(monkeypatch, "evaluate", "--split", "last", "--folder", str(home), "--html", str(page))
    score = {m["model"]: m["value"] for m in answer["measures"] if m["metric"] == "N@10" and m["slice"] == "all"}
    assert score["blend"] > score["popular"]
    assert "<svg" in page.read_text("utf-8")


def test_search_keeps_a_front_to_choose_from(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna", reason="needs the extra `search`")
    words = ("search", "ease", "--split", "last", "--folder", str(home), "--out", str(home / "found"))
    first = _run(monkeypatch, *words, "--trials", "3")
    assert len(first["trials"]) == 3
    assert set(first["space"]) == {"l2", "popularity", "dropout"}  # what EASE offers itself
    assert first["trials"][0]["values"] == {"l2": 50.0, "popularity": 0.4, "dropout": 0.0}  # as it stands
    answer = _run(monkeypatch, *words, "--trials", "5")
    assert answer["trials"][:3] == [{**t, "front": t["number"] in answer["front"]} for t in first["trials"]]
    assert 0 < len(answer["front"]) <= len(answer["trials"]) == 5
    assert json.loads((home / "found" / "search.json").read_text("utf-8"))["front"] == answer["front"]
    assert "<svg" in (home / "found" / "search.html").read_text("utf-8")
    shown = io.StringIO()
    Console(file=shown, width=120).print(fitting_screens.searched(answer, str))
    assert "Search of ease: 5 trials (done 5); to choose from:" in shown.getvalue()
    assert "[sources.ease] of regard.toml" in shown.getvalue()


def test_the_space_of_a_search_stands_in_the_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna", reason="needs the extra `search`")
    monkeypatch.chdir(home)
    toml = home / "regard.toml"
    toml.write_text('[sources.near]\nkind = "item_knn"\n[search.near]\nk = { low = 2, high = 8 }\n')
    try:
        found = _run(monkeypatch, "search", "near", "--trials", "2", "--split", "random", "--folder", str(home))
        assert found["space"] == {"k": {"low": 2, "high": 8}}
        assert all(2 <= trial["values"]["k"] <= 8 for trial in found["trials"])
        toml.write_text('[sources.near]\nkind = "item_knn"\n[search.near]\nkk = { low = 2, high = 8 }\n')
        body = _run(monkeypatch, "search", "near", "--folder", str(home), code=2)["error"]
        assert body["where"] == "Space of ItemKNN, kk"
    finally:
        toml.unlink()


def test_what_a_fit_tells_goes_to_tensorboard(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra `deep`")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fitted = _run(monkeypatch, "fit", "--tensorboard", str(tmp_path / "board"), "--folder", str(home))
    read = EventAccumulator(str(tmp_path / "board")).Reload()
    for source, weights in fitted["weights"].items():
        for segment, weight in weights.items():
            assert read.Scalars(f"Blend.weights {segment}/{source}")[0].value == pytest.approx(weight)


def test_what_a_fit_tells_is_seen_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=80, color_system=None)
    tell = fitting_screens.told(console, translator("zh"))
    tell("trial 3: epoch 2", {"loss": 1.5, "figure": 0.25, "rate": 0.001})
    assert shown.getvalue() == "试验 3: 轮次 2: 损失 1.5000, 指标 .2500, 学习率 .0010\n"
    fitting_screens.told(Console(file=shown, force_terminal=False), str)("epoch 1", {"loss": 1.0})
    assert shown.getvalue().count("\n") == 1  # nothing where nobody looks


def test_stats_count(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _run(monkeypatch, "stats", "--folder", str(home))
    assert (answer["items"], answer["users"], answer["events"]) == (40, 60, 480)
    assert answer["live"] == f"{answer['releases']:04d}"  # the newest


def test_the_doctor_finds_a_sound_installation_well(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _run(monkeypatch, "doctor", "--folder", str(home))
    assert all(check["well"] for check in answer["checks"]), answer


@pytest.mark.parametrize(
    ("words", "code", "where"),
    [
        (("recommend", "nobody"), 3, "user id"),
        (("explain", "u1", "nothing"), 3, "item id"),
        (("import", "/does/not/exist"), 2, "/does/not/exist"),
        (("import", "x.csv", "--map", "user"), 2, "--map"),
        (("import", "x.csv", "--precedence", "x.csv=high"), 2, "--precedence"),
        (("search", "nothing"), 3, "source"),
        (("search", "ease", "--trials", "0"), 2, "command line"),
        (("recommend",), 2, "command line"),
        (("recommend", "u1", "-k", "0"), 2, "command line"),
        (("recommend", "u1", "--nonsense"), 2, "command line"),
    ],
)
def test_an_error_is_one_json_body_with_its_exit_code(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, where: str
) -> None:
    body = _run(monkeypatch, *words, "--folder", str(home), code=code)["error"]
    assert where in body["where"]
    assert set(body) == {"where", "expected", "got", "hint"}


def test_a_release_of_another_store_is_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGARD_TENANT", "other")
    (tmp_path / "events.csv").write_text("user,item\nu1,x\nu1,y\n")
    _run(monkeypatch, "import", str(tmp_path / "events.csv"), "--folder", str(home))
    (home / "other").mkdir(exist_ok=True)
    shutil.copytree(home / "regard" / "releases", home / "other" / "releases")
    body = _run(monkeypatch, "recommend", "u1", "--folder", str(home), code=4)["error"]
    assert "another store" in body["got"]


def test_a_mistyped_title_is_met_with_the_nearest_ones(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = _run(monkeypatch, "similar", "Flim 7", "--folder", str(home), code=3)["error"]
    assert "f7 (Film 7)" in body["hint"]


def test_an_unwritable_page_is_an_error_in_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = str(home / "no such folder" / "report.html")
    words = ("evaluate", "--split", "last", "--folder", str(home), "--html", page)
    body = _run(monkeypatch, *words, code=5)["error"]
    assert (body["where"], body["got"]) == (page, "No such file or directory")


def test_columns_are_mapped_and_refused_rows_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text("Who,What,When\nann,ring,01/02/20\nbob,ring,99/99/99\n")
    maps = ("--map", "user=Who", "--map", "item=What", "--map", "time=When", "--type", "buy", "--time-form", "%m/%d/%y")
    store = ("--folder", str(tmp_path / "home"))
    report = _run(monkeypatch, "import", str(sales), *maps, *store)
    assert (report["events_new"], report["quarantined"]) == (1, 1)
    answer = _run(monkeypatch, "quarantine", "--out", str(tmp_path / "bad"), *store)
    assert (answer["rows"], answer["by"][0]["field"], answer["by"][0]["got"]) == (1, "events.time", "'99/99/99'")
    bad = Path(answer["files"][0])
    bad.write_text(bad.read_text().replace('"99/99/99"', "1577923200"))  # 2020-01-02
    assert _run(monkeypatch, "import", str(bad), *store)["resolved"] == 1
    assert _run(monkeypatch, "quarantine", *store)["rows"] == 0


def test_every_command_helps_with_an_example() -> None:
    from typer.main import get_command

    commands = get_command(cli.app).commands  # type: ignore[attr-defined]
    wanted = "demo import quarantine fit evaluate releases retrain jobs search simulate recommend ask explain why-not "
    wanted += "similar up serve keys batch replay tidy export stats doctor"
    assert set(commands) == set(wanted.split())
    assert get_command(cli.app).list_commands(None) == wanted.split()  # type: ignore[attr-defined]
    for group in ("keys", "releases", "jobs"):
        commands |= {f"{group} {name}": command for name, command in commands.pop(group).commands.items()}
    for name, command in commands.items():
        assert f"regard {name}" in command.epilog
        assert "--json" in {option for p in command.params for option in p.opts} or name in ("up", "serve", "jobs work")
