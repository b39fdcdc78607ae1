"""Each class of the package that keeps a protocol stands in the suite of that protocol."""

from __future__ import annotations

import importlib.util
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import regard.models
import regard.recommending
from regard.models.text_endpoint import EndpointText
from tests.contracts import (
    test_encoders,
    test_filters,
    test_objectives,
    test_policies,
    test_retrievers,
    test_scorers,
)
from tests.contracts.subjects import RECIPES, fitted

pytestmark = pytest.mark.deep  # a suite is complete with the deep models only

DEEP = importlib.util.find_spec("torch") is not None
MODELS = [fitted(name) for name, subject in RECIPES.items() if DEEP or not subject.deep]
ENCODERS = [
    make(Path())
    for name, make in {**test_encoders.OF_QUERIES, **test_encoders.OF_ITEMS}.items()
    if DEEP or name not in test_encoders.DEEP
]
SUITES: dict[str, Iterable[Any]] = {
    "fit": [subject.recipe for subject in RECIPES.values()],
    "contributions": MODELS,
    "retrieve_many": [*MODELS, *test_retrievers.ASSEMBLED.values()],
    "score": [*MODELS, *test_scorers.ASSEMBLED.values()],
    "encode_items": map(fitted, test_scorers.INDUCTIVE),
    "keep": test_filters.SUBJECTS.values(),
    "begin": test_objectives.SUBJECTS.values(),
    "probabilities": [*test_policies.SUBJECTS.values(), *test_policies.TAUGHT_SUBJECTS.values()],
    "encode": ENCODERS,
}
ELSEWHERE = {
    "begin": {"FittedBehaviour", "Appending"},  # the state of a person, no objective: tests/models/test_appending.py
    "encode": {EndpointText.__name__},  # asks a server: tests/models/test_text.py
    "contributions": {"ContentProfile", "Remembering"},  # FittedContentKNN's own; an explainer that remembers another
    # parts of ContentRegression and Ranker, no recipes of their own; and what learns from lists instead of a Dataset
    "fit": {"Ridge", "Trees", "Deep", "Logistic", "SlateQ", "PolicyGradient"},
}


def _modules() -> Iterator[ModuleType]:
    for room in (regard.models, regard.recommending):
        for found in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            yield import_module(found.name)


def _keeping(method: str) -> set[str]:
    classes = [one for module in _modules() for _, one in inspect.getmembers(module, inspect.isclass)]
    return {
        one.__name__
        for one in classes
        if one.__module__.startswith(("regard.models.", "regard.recommending."))
        and callable(getattr(one, method, None))
        and not inspect.isabstract(one)
        and not getattr(one, "_is_protocol", False)
    }


@pytest.mark.parametrize("method", SUITES)
def test_every_implementation_stands_in_its_suite(method: str) -> None:
    missing = _keeping(method) - {type(one).__name__ for one in SUITES[method]} - ELSEWHERE.get(method, set())
    assert not missing
