"""An installation: what it takes from the store, and where it keeps it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.serving import installation
from regard.serving.installation import Installation
from regard.serving.settings import read_settings
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
