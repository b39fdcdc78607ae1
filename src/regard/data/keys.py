"""Keys of the HTTP interface: made once, shown once, kept as hashes, revoked by name."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from regard.domain.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from regard.data.postgres import Store

Role = Literal["read", "write", "expert", "admin"]
ROLES: tuple[Role, ...] = ("read", "write", "expert", "admin")  # each may do what those before it may
NAME_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key beside its secret; `revoked` keys open nothing."""

    name: str
    role: Role
    created: str
    revoked: str | None


def digest(key: str) -> bytes:
    """The hash under which a key is kept. Keys are 160 random bits, so that a plain hash is safe."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def create_key(store: Store, name: str, role: Role) -> str:
    """A new key, `TENANT-SECRET`: this is the only time that anybody sees it. Conflict if the name is taken."""
    if role not in ROLES:
        raise InvalidInput("role", f"one of {', '.join(ROLES)}", repr(role))
    if not 0 < len(name) <= NAME_LENGTH:
        raise InvalidInput("key name", f"1 to {NAME_LENGTH} characters", repr(name))
    key = f"{store.tenant}-{secrets.token_hex(20)}"
    with store.transaction() as connection:
        made = connection.execute(
            "INSERT INTO keys (hash, name, role) VALUES (%s, %s, %s) ON CONFLICT (name) DO NOTHING",
            (digest(key), name, role),
        ).rowcount
    if not made:
        raise Conflict("key name", "a name that no key bears", repr(name), "Names stay taken after revoking.")
    return key


def list_keys(store: Store) -> list[Key]:
    """All keys, oldest first."""
    with store.reading() as connection:
        found = connection.execute("SELECT name, role, created::text, revoked::text FROM keys ORDER BY created")
        return [Key(*row) for row in found]


def revoke_key(store: Store, name: str) -> None:
    """This key opens nothing any more, on any server of this store. NotFound if there is none of that name."""
    with store.transaction() as connection:
        done = connection.execute(
            "UPDATE keys SET revoked = coalesce(revoked, clock_timestamp()) WHERE name = %s", (name,)
        ).rowcount
    if not done:
        raise NotFound("key name", "the name of a key", repr(name), "See: regard keys list")


def open_keys(store: Store) -> dict[bytes, tuple[str, Role]]:
    """The hashes of all keys that open something, with their names and roles."""
    with store.reading() as connection:
        found = connection.execute("SELECT hash, name, role FROM keys WHERE revoked IS NULL")
        return {bytes(row[0]): (row[1], row[2]) for row in found}
