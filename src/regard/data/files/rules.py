"""What a field may hold: each rule declared once, applied to one value (at the API) or a column (in bulk)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import polars as pl

SPACE = " \t\r\n"
ID_LENGTH = 256
TEXT_LENGTH = 4 << 20
LAST_POSITION = 1_000_000
LARGEST = 1e30  # fits a 32-bit float
AHEAD = 86_400.0  # clocks differ: a day beyond now is still believed
_CONTROL = r"[\x00-\x1f\x7f]"
_CONTROLS = re.compile(_CONTROL)
_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
_ISO = re.compile(r"^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)?$")
_STEPS = (".", "..")  # clients that put a URL in order take them out of its path
_TRUE, _FALSE = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it expects in words, for one text (None: it does not fit), and for a column (null: likewise).

    `number`: what it says of a number up to LARGEST, so that one need not be written to be read.
    """

    expected: str
    one: Callable[[str], Any]
    column: Callable[[pl.Expr], pl.Expr]
    number: Callable[[float], Any] | None = None


def _one_id(text: str) -> str | None:
    text = text.strip(SPACE)
    fits = 0 < len(text) <= ID_LENGTH and text not in _STEPS
    return text if fits and (text.isprintable() or not _CONTROLS.search(text)) else None


def _column_id(column: pl.Expr) -> pl.Expr:
    text = column.str.strip_chars(SPACE)
    fits = (text.str.len_bytes() > 0) & (text.str.len_chars() <= ID_LENGTH) & ~text.str.contains(_CONTROL)
    return pl.when(fits & ~text.is_in(_STEPS)).then(text)


def _one_number(text: str) -> float | None:
    text = text.strip(SPACE)
    return _number(float(text)) if re.match(_NUMBER, text) else None


def _number(number: float) -> float | None:
    return number if abs(number) <= LARGEST else None


def _column_number(column: pl.Expr) -> pl.Expr:
    text = column.str.strip_chars(SPACE)
    number = pl.when(text.str.contains(_NUMBER)).then(text).cast(pl.Float64, strict=False)
    return pl.when(number.abs() <= LARGEST).then(number)


def _one_position(text: str) -> int | None:
    number = _one_number(text)
    return None if number is None else _position(number)


def _position(number: float) -> int | None:
    return int(number) if 0 <= number <= LAST_POSITION and number == int(number) else None


def _column_position(column: pl.Expr) -> pl.Expr:
    number = _column_number(column)
    return pl.when((number == number.floor()) & number.is_between(0, LAST_POSITION)).then(number).cast(pl.Int32)


def _one_flag(text: str) -> bool | None:
    text = text.strip(SPACE).lower()
    return True if text in _TRUE else False if text in _FALSE else None


def _column_flag(column: pl.Expr) -> pl.Expr:
    text = column.str.strip_chars(SPACE).str.to_lowercase()
    return pl.when(text.is_in(_TRUE)).then(True).when(text.is_in(_FALSE)).then(False)


def _one_text(text: str) -> str | None:
    return text if len(text) <= TEXT_LENGTH and "\0" not in text else None


def _column_text(column: pl.Expr) -> pl.Expr:
    return pl.when((column.str.len_chars() <= TEXT_LENGTH) & ~column.str.contains("\0", literal=True)).then(column)


def _refuse(word: str) -> None:
    raise ValueError(word)


def _one_object(text: str) -> str | None:
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return json.dumps(found, ensure_ascii=False, sort_keys=True) if isinstance(found, dict) else None


def _one_list(text: str) -> str | None:
    """Multi-values as a JSON list: written as one, or joined by "|"; empty and repeated ones go."""
    found: Any = text.split("|")
    if text.lstrip(SPACE).startswith("["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
    if any(not isinstance(value, str) for value in found):
        return None
    return json.dumps(list(dict.fromkeys(value.strip(SPACE) for value in found if value.strip(SPACE))))


def _each(one: Callable[[str], str | None]) -> Callable[[pl.Expr], pl.Expr]:
    def column(column: pl.Expr) -> pl.Expr:
        return column.map_batches(
            lambda texts: pl.Series(texts.name, [None if t is None else one(t) for t in texts], pl.String),
            return_dtype=pl.String,
        )

    return column


def iso_seconds(text: str) -> float | None:
    """Unix seconds of an ISO 8601 date or moment (without a zone: UTC), or None."""
    text = text.strip(SPACE)
    if not _ISO.match(text):
        return None
    try:
        moment = datetime.fromisoformat(
            text.replace("UTC", "Z").replace(" Z", "Z").replace(" +", "+").replace(" -", "-")
        )
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _scale(size: float) -> float:
    return 1e9 if size >= 1e17 else 1e6 if size >= 1e14 else 1e3 if size >= 1e11 else 1.0


def _written(text: str, form: str | None) -> float | None:
    """Unix seconds of a time in words, by ISO 8601 or `form` (strptime; without a zone: UTC), or None."""
    if form is None:
        return iso_seconds(text)
    try:
        moment = datetime.strptime(text.strip(SPACE), form)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _column_written(texts: pl.Series, form: str | None) -> pl.Series:
    seconds = [None if text is None else _written(text, form) for text in texts] if len(texts.drop_nulls()) else []
    return pl.Series(texts.name, seconds or [None] * len(texts), pl.Float64)


@lru_cache(64)  # the events of one call have one
def time_rule(latest: float | None, form: str | None = None) -> Rule:
    """Times in unix seconds, milli-, micro- or nanoseconds (told apart by size), or ISO 8601, or in `form` (strptime).

    `latest`: the last second that is believed (None: any moment, for validity in the future).
    """
    last = math.inf if latest is None else latest

    def moment(seconds: float | None) -> float | None:
        return seconds if seconds is not None and 0 <= seconds <= last else None

    def number(found: float) -> float | None:
        return moment(found / _scale(abs(found)))

    def one(text: str) -> float | None:
        found = _one_number(text)
        return moment(_written(text, form)) if found is None else number(found)

    def column(column: pl.Expr) -> pl.Expr:
        number = _column_number(column)
        scale = pl.when(number.abs() >= 1e17).then(1e9).when(number.abs() >= 1e14).then(1e6)
        seconds = number / scale.when(number.abs() >= 1e11).then(1e3).otherwise(1.0)
        words = pl.when(number.is_null()).then(column)
        written = words.map_batches(lambda texts: _column_written(texts, form), return_dtype=pl.Float64)
        either = seconds.fill_null(written)
        return pl.when(either.is_between(0.0, last)).then(either)

    until = "" if latest is None else " and a day from now"
    return Rule(f"unix seconds or an ISO 8601 time, between 1970{until}", one, column, number)


ID = Rule(f"an id of 1 to {ID_LENGTH} characters without control characters, not . or ..", _one_id, _column_id)
NUMBER = Rule("a finite number (no thousands separators)", _one_number, _column_number, _number)
POSITION = Rule(f"a whole number from 0 to {LAST_POSITION}", _one_position, _column_position, _position)
FLAG = Rule("true or false (1 or 0)", _one_flag, _column_flag)
TEXT = Rule(f"a text of at most {TEXT_LENGTH:,} characters", _one_text, _column_text)
OBJECT = Rule("a JSON object of finite values", _one_object, _each(_one_object))
LIST = Rule("texts joined by '|', or a JSON list of texts", _one_list, _each(_one_list))
KEPT = Rule(
    "text without NUL",
    lambda text: None if "\\u0000" in text else text,
    lambda column: pl.when(~column.str.contains("\\u0000", literal=True)).then(column),
)  # of JSON: PostgreSQL keeps all but that
