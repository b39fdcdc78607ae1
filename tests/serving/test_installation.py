"""An installation: what it takes from the store, and where it keeps it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regard.domain.errors import InvalidInput, NotFound
from regard.domain.records import Event
from regard.domain.run import Run
from regard.serving import answers, installation
from regard.serving.installation import Installation
from regard.serving.settings import Settings, now, read_settings
from tests.serving.test_cli import catalogue


def test_many_events_lie_on_disk_and_leave_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Installation.open(read_settings(tmp_path, {})) as here:
        with pytest.raises(InvalidInput, match="regard import"):
            here.dataset()
        here.take_in(catalogue(tmp_path))
        small = here.dataset()
        monkeypatch.setattr(installation, "MAPPED", 480)
        large = here.dataset()
        assert not isinstance(small.events.item, np.memmap)
        assert isinstance(large.events.item, np.memmap)
        assert large.matrix().toarray().tolist() == small.matrix().toarray().tolist()
        assert not list(tmp_path.glob(".snapshot-*"))


@pytest.mark.parametrize("mapped", [1, installation.MAPPED])
def test_what_is_to_come_is_not_fitted_before_it_has_happened(
    own: Settings, monkeypatch: pytest.MonkeyPatch, mapped: int
) -> None:
    monkeypatch.setattr(installation, "MAPPED", mapped)
    with Installation.open(own) as here:
        before = here.dataset()
        assert before.at == before.events.time.max() < 1.71e9  # the past: what no clock of today says
        soon, year = now() + 60, now() + 365 * 86_400
        here.store.append([Event("u1", "f0", "like", time=soon), Event("u1", "f2", "like", time=year)])
        after = here.dataset()
        assert (len(after.events), after.at) == (len(before.events) + 1, soon)  # a clock may run ahead by minutes
        released = here.fit(after, Run(seed=0))
        assert (released.moment, released.figures["events"]) == (soon, len(after.events))
        monkeypatch.setattr(installation, "now", lambda: year)
        assert here.dataset().at == year


def test_what_a_list_is_asked_about_may_be_shown(own: Settings) -> None:
    with Installation.open(own) as here:
        data = here.live.data
        usual = [data.items[row] for row in np.argsort(-np.bincount(data.events.item), kind="stable")]
        shown = {"items": [{"id": usual[2]}]}
        here.store.delete_item(usual[0])
        here.store.hide(usual[1])
    with Installation.open(own) as here:
        assert answers.missed(here, "u1", shown)["id"] == usual[3]
        for item in usual[3:]:
            here.store.hide(item)
    with Installation.open(own) as here:
        assert answers.missed(here, "u1", shown)["id"] == usual[2]  # nothing else is left
        here.store.hide(usual[2])
    with Installation.open(own) as here, pytest.raises(NotFound, match="on offer"):
        answers.missed(here, "u1", shown)
