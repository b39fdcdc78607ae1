"""Recipes by name: regard.toml as a closed union, and what is fitted where nobody wrote one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Estimator
from regard.domain.weights import Weighting
from regard.models.als import ImplicitALS
from regard.models.content import ContentKNN
from regard.models.content_regression import ContentRegression
from regard.models.ease import EASE
from regard.models.graph_filter import GraphFilter
from regard.models.neighbours import ItemKNN, UserKNN
from regard.models.popular import Popularity

Recipes: TypeAlias = Mapping[str, Estimator[Any]]

KINDS: Mapping[str, type[Any]] = {
    "popularity": Popularity,
    "item_knn": ItemKNN,
    "user_knn": UserKNN,
    "ease": EASE,
    "als": ImplicitALS,
    "graph_filter": GraphFilter,
    "content": ContentKNN,
    "content_regression": ContentRegression,
}
DENSE_ITEMS = 12_000  # up to here EASE's I x I matrix is fitted in about a minute on two cores


def default_recipes(data: Dataset) -> Recipes:
    """What suits most catalogues: recent popularity, one strong collaborative model, factors, and content."""
    dense = len(data.items) <= DENSE_ITEMS
    return {
        "ease" if dense else "graph": EASE(l2=50.0, popularity=0.4) if dense else GraphFilter(),
        "als": ImplicitALS(),
        "content": ContentKNN(weighting=Weighting(recency=0.98)),
        "popular": Popularity(half_life=90.0),
    }


def decode(table: Mapping[str, Any]) -> Recipes:
    """The recipes of `[sources.NAME]` tables, each with a `kind` and the fields of its recipe.

    >>> decode({"sources": {"mine": {"kind": "ease", "l2": 300.0}}})["mine"].l2
    300.0
    """
    unknown = set(table) - {"sources"}
    if unknown:
        raise InvalidInput("regard.toml", "the table [sources.NAME] only", f"{sorted(unknown)}")
    return {name: _recipe(f"regard.toml [sources.{name}]", fields) for name, fields in table.get("sources", {}).items()}


def _recipe(where: str, fields: Any) -> Estimator[Any]:
    kind = str(fields.get("kind")) if isinstance(fields, Mapping) else ""
    if kind not in KINDS:
        raise InvalidInput(f"{where} kind", f"one of {', '.join(KINDS)}", repr(kind))
    rest = {name: value for name, value in fields.items() if name != "kind"}
    _check_names(where, KINDS[kind], rest)
    _check_names(f"{where} weighting", Weighting, rest.get("weighting", {}))
    try:
        recipe: Estimator[Any] = TypeAdapter(KINDS[kind]).validate_python(rest)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"{where} {field}", first["msg"], repr(first.get("input"))) from error
    return recipe


def _check_names(where: str, kind: type[Any], given: Mapping[str, Any]) -> None:
    known = [field.name for field in fields_of(kind)]
    for name in given:
        if name not in known:
            raise InvalidInput(f"{where} {name}", f"a field out of {', '.join(known)}", repr(name))
