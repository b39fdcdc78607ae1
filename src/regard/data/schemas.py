"""Untrusted JSON at the edge becomes a record, or InvalidInput naming row and field; import uses the same rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from regard.data.files.naming import Kind, fields_of
from regard.data.files.reading import as_text
from regard.data.files.rules import AHEAD, FLAG, ID, LARGEST, LIST, NUMBER, OBJECT, POSITION, TEXT, Rule, time_rule
from regard.domain.errors import InvalidInput
from regard.domain.records import Event, Item, User, Value


class _Refused(ValueError):
    """Carries what was expected."""


def _judge(rule: Rule, value: Any) -> Any:
    if type(value) in (int, float) and rule.number is not None and abs(value) <= LARGEST:
        said = rule.number(float(value))
    else:
        text = value if type(value) is str else _as_text(rule, value)
        said = rule.one(text) if text else None
    if said is None:
        raise _Refused(rule.expected)
    return said


def _as_text(rule: Rule, value: Any) -> str | None:
    return None if isinstance(value, list | dict) and rule not in (LIST, OBJECT) else as_text(value)


def _must(rule: Rule) -> BeforeValidator:
    return BeforeValidator(lambda value: _judge(rule, value))


def _may(rule: Rule, nothing: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: nothing if value in (None, "") else _judge(rule, value))


def _list(value: Any) -> tuple[str, ...]:
    return () if value in (None, "", []) else tuple(json.loads(_judge(LIST, value)))


def _object(value: Any) -> dict[str, Any]:
    return {} if value in (None, "", {}) else json.loads(_judge(OBJECT, value))


def _moment(value: Any) -> float | None:
    return None if value in (None, "") else _judge(time_rule(None), value)


Id: TypeAlias = Annotated[str, _must(ID)]
Text: TypeAlias = Annotated[str, _may(TEXT, "")]
Texts: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_list)]
Object: TypeAlias = Annotated[dict[str, Any], BeforeValidator(_object)]
Moment: TypeAlias = Annotated[float | None, BeforeValidator(_moment)]


class EventIn(BaseModel):
    """One event as it comes in. `time`: unix seconds (or milliseconds, or ISO 8601); absent: unknown (0)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    user: Id
    item: Id
    type: Annotated[str, _may(ID, "")] = ""
    value: Annotated[float | None, _may(NUMBER, None)] = None
    time: float = 0.0
    id: Annotated[str, _may(ID, "")] = ""
    slate: Annotated[str, _may(ID, "")] = ""
    position: Annotated[int | None, _may(POSITION, None)] = None
    context: Annotated[Object, Field(default_factory=dict)]

    @field_validator("time", mode="before")
    @classmethod
    def _time(cls, value: Any, info: ValidationInfo) -> Any:
        return _judge(time_rule(info.context["now"] + AHEAD), value)  # type: ignore[index]


class ItemIn(BaseModel):
    """One item as it comes in."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    title: Text = ""
    text: Text = ""
    creator: Text = ""
    tags: Texts = ()
    images: Texts = ()
    audio: Texts = ()
    attributes: Object = {}
    valid_from: Moment = None
    valid_until: Moment = None
    hidden: Annotated[bool, _may(FLAG, False)] = False


class UserIn(BaseModel):
    """One person as they come in."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    attributes: Object = {}
    consent: Object = {}


def parse_event(raw: Mapping[str, Any], where: str, *, now: float) -> Event:
    """An Event in Regard's, gorse's or Personalize's words; InvalidInput at `where`.field. Other keys are context."""
    said, rest = _parsed(EventIn, raw, "events", where, {"now": now})
    kind = said.type or ("rating" if said.value is not None else "view")
    if kind == "rating" and said.value is None:
        raise InvalidInput(f"{where}.value", NUMBER.expected, "nothing")
    value = 1.0 if said.value is None else said.value
    context = values({**rest, **said.context})
    return Event(said.user, said.item, kind, value, said.time, said.slate, said.position, context, said.id)


def parse_item(raw: Mapping[str, Any], where: str) -> Item:
    """An Item in Regard's, gorse's or Personalize's words; InvalidInput at `where`.field. Other keys are attributes."""
    said, rest = _parsed(ItemIn, raw, "items", where, {})
    plain = said.model_dump(exclude={"attributes", "tags", "images", "audio"})
    media = {"tags": said.tags, "images": said.images, "audio": said.audio}
    return Item(**plain, **media, attributes=values({**rest, **said.attributes}))


def parse_user(raw: Mapping[str, Any], where: str) -> User:
    """A User; InvalidInput at `where`.field. `consent` maps purposes to true or false. Other keys are attributes."""
    said, rest = _parsed(UserIn, raw, "users", where, {})
    for purpose, given in said.consent.items():
        if not isinstance(given, bool):
            raise InvalidInput(f"{where}.consent.{purpose}", "true or false", repr(given))
    return User(said.id, values({**rest, **said.attributes}), said.consent)


def values(raw: Mapping[str, Any]) -> dict[str, Value]:
    """JSON values as typed attributes: texts, numbers, flags, lists of texts; null is nothing, else JSON text."""
    kinds: dict[type, Callable[[Any], Value]] = {str: str, bool: bool, int: float, float: float, list: _several}
    return {str(name): kinds.get(type(value), as_json)(value) for name, value in raw.items() if value not in (None, "")}


def as_json(value: Any) -> str:
    """JSON text of anything nested."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _several(found: list[Any]) -> tuple[str, ...]:
    return tuple(one if isinstance(one, str) else as_json(one) for one in found)


def _parsed(model: type[Any], raw: Any, kind: Kind, where: str, context: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    if not isinstance(raw, Mapping):
        raise InvalidInput(where, "a JSON object", type(raw).__name__)
    fields = fields_of(map(str, raw), kind)
    body = {fields[name]: value for name, value in raw.items() if name in fields}
    rest = {name: value for name, value in raw.items() if name not in fields}
    try:
        return model.model_validate(body, context=context), rest
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "?"
        missing = first["type"] == "missing"
        cause = first.get("ctx", {}).get("error")
        expected = ID.expected if missing else str(cause) if isinstance(cause, _Refused) else first["msg"]
        got = "nothing" if missing or first["input"] in (None, "") else repr(first["input"])[:200]
        raise InvalidInput(f"{where}.{field}", expected, got) from error
