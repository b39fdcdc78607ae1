"""Spaces: which fields of a recipe a search may turn, those of nested recipes too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any, Self, get_type_hints

from pydantic import TypeAdapter, ValidationError

from regard.domain.errors import InvalidInput
from regard.learning.knobs import Draw, Knob, Value, knob


@dataclass(frozen=True)
class Space:
    """A knob for each field that may turn; dots lead into nested recipes ("weighting.half_life").

    >>> from regard.learning.knobs import LogUniform, Uniform
    >>> space = Space({"l2": LogUniform(10.0, 1000.0), "weighting.recency": Uniform(0.9, 1.0)})
    >>> space == Space.read(space.table())
    True
    """

    knobs: Mapping[str, Knob]

    def __post_init__(self) -> None:
        if not self.knobs:
            raise InvalidInput("Space", "at least one field", "none")
        object.__setattr__(self, "knobs", MappingProxyType(dict(self.knobs)))

    @classmethod
    def read(cls, table: Mapping[str, Any], where: str = "Space") -> Self:
        """From plain data: a knob's table or list for each field, and tables of fields for nested recipes."""
        return cls(dict(_read(where, "", table)))

    def table(self) -> dict[str, Any]:
        """The same as plain data."""
        return {name: knob.table() for name, knob in self.knobs.items()}

    def draw(self, by: Draw) -> dict[str, Value]:
        """A value for each field."""
        return {name: knob.draw(name, by) for name, knob in self.knobs.items()}

    def own(self, recipe: Any) -> dict[str, Value] | None:
        """The recipe's own values; None where they lie outside."""
        values = {name: field_of(recipe, name) for name in self.knobs}
        return values if all(values[name] in knob for name, knob in self.knobs.items()) else None

    def check(self, recipe: Any) -> None:
        """InvalidInput, naming field and value, where the recipe lacks a field or does not bear an end of its knob."""
        for name, turned in self.knobs.items():
            for value in turned.ends():
                try:
                    with_values(recipe, {name: value})
                except InvalidInput as error:
                    where = f"Space of {type(recipe).__name__}, {name}"
                    raise InvalidInput(where, error.expected, error.got, error.hint) from error


def space_of(recipe: Any) -> Space:
    """The space that a recipe's class offers beside its fields, as `SPACE`."""
    offered = getattr(type(recipe), "SPACE", None)
    if not isinstance(offered, Space):
        name = type(recipe).__name__
        raise InvalidInput(f"the space of {name}", "fields to search", "none", f"{name} offers none itself: name some.")
    return offered


def field_of(recipe: Any, path: str) -> Any:
    """The value of one field, `path` as in a Space."""
    name, _, rest = path.partition(".")
    value = getattr(recipe, _known(recipe, name))
    return field_of(value, rest) if rest else value


def with_values(recipe: Any, values: Mapping[str, Value]) -> Any:
    """The recipe with these values of its fields; InvalidInput where it lacks a field or does not bear a value."""
    for path, value in values.items():
        name, _, rest = path.partition(".")
        inside = getattr(recipe, _known(recipe, name))
        turned = with_values(inside, {rest: value}) if rest else _typed(recipe, name, value)
        recipe = replace(recipe, **{name: turned})
    return recipe


def _read(where: str, path: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Knob]]:
    for name, told in table.items():
        if isinstance(told, Mapping) and told and not {"low", "high", "log"} & set(told):
            yield from _read(where, f"{path}{name}.", told)
            continue
        try:
            yield f"{path}{name}", knob(told)
        except InvalidInput as error:
            raise InvalidInput(f"{where} {path}{name}", error.expected, error.got) from error


def _known(recipe: Any, name: str) -> str:
    known = [field.name for field in fields(recipe)] if is_dataclass(recipe) else []
    if name not in known:
        expected = f"a field out of {', '.join(known)}" if known else "a recipe with fields"
        raise InvalidInput(f"{type(recipe).__name__}.{name}", expected, repr(name if known else recipe))
    return name


def _typed(recipe: Any, name: str, value: Value) -> Value:
    """The value, if the field is declared to hold such a one."""
    try:
        TypeAdapter(get_type_hints(type(recipe))[name]).validate_python(value, strict=True)
    except ValidationError as error:
        raise InvalidInput(f"{type(recipe).__name__}.{name}", error.errors()[0]["msg"], repr(value)) from error
    return value
