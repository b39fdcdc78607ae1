"""Migrations: plain numbered SQL; a store is brought up to the code's version in one transaction."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from regard.domain.errors import Conflict

if TYPE_CHECKING:
    from psycopg import Connection

LOCK = 7_203_001  # one migration at a time in this database


def scripts() -> list[tuple[int, str, str]]:
    """(version, name, SQL), oldest first."""
    files = [f for f in resources.files(__name__).iterdir() if f.name.endswith(".sql")]
    return sorted((int(f.name[:4]), f.name.removesuffix(".sql"), f.read_text("utf-8")) for f in files)


def version(connection: Connection[Any], tenant: str) -> int:
    """The version of the tenant's tables; 0 where there are none."""
    found = connection.execute("SELECT to_regclass(%s)", (f'"{tenant}".versions',)).fetchone()
    if found is None or found[0] is None:
        return 0
    newest = connection.execute(f'SELECT max(version) FROM "{tenant}".versions').fetchone()  # noqa: S608 checked name
    return int(newest[0] or 0) if newest else 0


def migrate(connection: Connection[Any], tenant: str, until: int | None = None) -> int:
    """Bring the tenant's tables up to `until` (default: all that this code knows); Conflict if they are newer.

    Runs inside the caller's transaction: all or nothing. Returns the version that now stands.
    """
    known = scripts()
    newest = known[-1][0]
    if version(connection, tenant) == (newest if until is None else until):
        return newest if until is None else until
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{tenant}"')
    connection.execute(
        "CREATE TABLE IF NOT EXISTS versions "
        "(version int PRIMARY KEY, name text NOT NULL, at timestamptz NOT NULL DEFAULT now())"
    )
    stands = version(connection, tenant)
    if stands > newest:
        hint = "Upgrade Regard; an older one would damage the newer tables."
        raise Conflict(f"the store's tables ({tenant})", f"version {newest} or older", f"version {stands}", hint)
    for number, name, sql in known:
        if stands < number <= (newest if until is None else until):
            connection.execute(sql.encode())
            connection.execute("INSERT INTO versions (version, name) VALUES (%s, %s)", (number, name))
            stands = number
    return stands
