"""The recipe file of docs/how-to/family.md trains every model that it names, from the store, and each is judged."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from regard.domain.run import Run
from regard.serving import comparing
from regard.serving.installation import Installation
from regard.serving.settings import read_settings
from tests.serving.test_cli import catalogue

PAGE = Path(__file__).parents[2] / "docs/how-to/family.md"


@pytest.mark.deep
def test_one_file_trains_the_family_and_each_is_judged(tmp_path: Path) -> None:
    whole, more = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    named = set(tomllib.loads(whole)["sources"]) | set(tomllib.loads(more)["sources"])
    (tmp_path / "regard.toml").write_text(whole + more)
    with Installation.open(read_settings(tmp_path, {})) as here:
        here.take_in(catalogue(tmp_path))
        known = here.dataset()
        figures, blend = comparing.compare(comparing.cut(known, "last"), here.recipes(known), 10, Run())
        release = here.fit(known, Run(warm_start=blend))
        assert set(release.recipes) == named
        assert set(figures.models) == named | {"blend"}
        assert figures.value("blend", "N@10", "all") > figures.value("popular", "N@10", "all")
        assert set(here.live.model.sources) == named  # read back from the release's files
