"""Where releases stand, in the store: a row each, and the log of every step that any of them took."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regard.domain.decisions import State
from regard.domain.errors import Conflict, NotFound

if TYPE_CHECKING:
    from regard.data.postgres import Store
    from regard.data.store.database import Connection

COLUMNS = "name, state, share, since, about, gate, approver, approved, signature"


@dataclass(frozen=True, slots=True)
class Row:
    """One release: its state and since when (unix seconds), the `share` of the traffic while it is a canary, `about`
    (its release.json), the lines of its gate, who approved it and when, and the signature of that."""

    name: str
    state: State
    share: float
    since: float
    about: Mapping[str, Any]
    gate: Sequence[Mapping[str, Any]] = ()
    approver: str | None = None
    approved: float | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one release: from state `was` (None: it is new) to `state`, by whom, why, and whether it went round
    the usual road."""

    at: float
    name: str
    was: State | None
    state: State
    who: str
    why: str = ""
    emergency: bool = False


def all_rows(store: Store) -> list[Row]:
    """Every release, oldest first."""
    with store.transaction() as connection:
        return _rows(connection)


def row_of(store: Store, name: str) -> Row:
    """One release, or NotFound."""
    found = {row.name: row for row in all_rows(store)}
    if name not in found:
        raise NotFound("release", f"one of {', '.join(found) or 'none yet'}", repr(name), "See: regard releases list")
    return found[name]


def all_steps(store: Store) -> list[Step]:
    """Every step, oldest first."""
    with store.transaction() as connection:
        found = connection.execute("SELECT at, name, was, state, who, why, emergency FROM release_steps ORDER BY seq")
        return [Step(*row) for row in found]


def add_row(store: Store, row: Row, who: str, why: str = "") -> None:
    """A new release; Conflict where one of that name stands."""
    with store.transaction() as connection:
        _lock(connection)
        known = connection.execute("SELECT 1 FROM releases WHERE name = %s", (row.name,)).fetchone()
        if known is not None:
            raise Conflict(f"release {row.name}", "a new name", "one that is known", "Releases never change.")
        connection.execute(
            f"INSERT INTO releases ({COLUMNS}) VALUES (%s, %s, %s, %s, %s::jsonb, %s::jsonb, %s, %s, %s)".encode(),  # noqa: S608
            (row.name, row.state, row.share, row.since, _json(row.about), _json(list(row.gate)),
             row.approver, row.approved, row.signature),
        )  # fmt: skip
        _log(connection, Step(row.since, row.name, None, row.state, who, why))


def sign_row(store: Store, row: Row) -> None:
    """Write gate, approver, moment and signature of `row` into its line."""
    with store.transaction() as connection:
        connection.execute(
            "UPDATE releases SET gate = %s::jsonb, approver = %s, approved = %s, signature = %s WHERE name = %s",
            (_json(list(row.gate)), row.approver, row.approved, row.signature, row.name),
        )


def move_rows(store: Store, steps: Sequence[Step], share: float = 0.0, then: Callable[[], None] | None = None) -> None:
    """Take all of `steps` in order, or none; `share` is that of the ones that become canaries.

    `then` is called last, before the commit: what serves changes at that moment. Conflict where a release no longer
    stands where its step begins.
    """
    with store.transaction() as connection:
        _lock(connection)
        stands = {row.name: row.state for row in _rows(connection)}
        for step in steps:
            if stands.get(step.name) != step.was:
                got = stands.get(step.name, "unknown")
                raise Conflict(
                    f"release {step.name}", f"state {step.was}", f"state {got}", "Look again and decide anew."
                )
            stands[step.name] = step.state
            connection.execute(
                "UPDATE releases SET state = %s, since = %s, share = %s WHERE name = %s",
                (step.state, step.at, share if step.state == "canary" else 0.0, step.name),
            )
            _log(connection, step)
        if then is not None:
            then()


def _lock(connection: Connection) -> None:
    connection.execute("LOCK TABLE releases IN SHARE ROW EXCLUSIVE MODE")


def _rows(connection: Connection) -> list[Row]:
    return [Row(*row) for row in connection.execute(f"SELECT {COLUMNS} FROM releases ORDER BY name".encode())]  # noqa: S608


def _log(connection: Connection, step: Step) -> None:
    connection.execute(
        "INSERT INTO release_steps (at, name, was, state, who, why, emergency) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (step.at, step.name, step.was, step.state, step.who, step.why, step.emergency),
    )


def _json(told: Any) -> str:
    return json.dumps(told, allow_nan=False, default=dict)
