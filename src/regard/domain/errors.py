"""Errors at the border: where, expected, got, and what to do."""

from __future__ import annotations


class RegardError(Exception):
    """One clear error: `where` it happened, what was `expected`, what we `got`, and a `hint` (what to do)."""

    def __init__(self, where: str, expected: str, got: str, hint: str = "") -> None:
        self.where, self.expected, self.got, self.hint = where, expected, got, hint
        super().__init__(where, expected, got, hint)

    def __str__(self) -> str:
        said = f"{self.where}: expected {self.expected}, got {self.got}"
        return f"{said.rstrip('.')}. {self.hint}" if self.hint else said


class InvalidInput(RegardError):
    """What came in cannot be used as it stands."""


class NotFound(RegardError):
    """The named thing does not exist here."""


class Conflict(RegardError):
    """What was asked contradicts what is already there."""


class Unavailable(RegardError):
    """Something that we need (store, model, optional package) is not there now."""
