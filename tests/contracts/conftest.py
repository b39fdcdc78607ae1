"""Marks the subjects that need the extra `deep`, wherever a suite names them."""

from __future__ import annotations

import pytest

from tests.contracts.subjects import RECIPES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        call = getattr(item, "callspec", None)
        subject = RECIPES.get(str(call.params.get("name"))) if call else None
        if subject is not None and subject.deep:
            item.add_marker(pytest.mark.deep)
