"""One item or person changed exactly as said: unlike an upsert, null clears and false shows again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regard.domain.errors import NotFound

if TYPE_CHECKING:
    from regard.data.postgres import Store

EMPTY: Mapping[str, Any] = {
    "title": "", "text": "", "creator": "", "tags": [], "images": [], "audio": [], "valid_from": None,
    "valid_until": None, "hidden": False,
}  # fmt: skip


def patch_item(store: Store, item_id: str, said: Mapping[str, Any]) -> None:
    """Set the named fields of one item; attributes one by one, null takes one away, or all. NotFound if unknown."""
    fields = {name: EMPTY[name] if value is None else value for name, value in said.items() if name in EMPTY}
    _patch(store, "items", item_id, fields, {"attributes": said.get("attributes", {})})


def patch_user(store: Store, user_id: str, said: Mapping[str, Any]) -> None:
    """Set attributes and consents of one person one by one; null takes one away. NotFound if unknown.

    A null for all attributes takes them away; none does so for consents: among them are refusals.
    """
    objects = {"attributes": said.get("attributes", {}), "consent": said.get("consent") or {}}
    _patch(store, "users", user_id, {}, objects)


def _patch(store: Store, table: str, name: str, fields: dict[str, Any], objects: dict[str, Any]) -> None:
    sets = ["known = true", *(f"{field} = %({field})s" for field in fields)]
    values = {**fields, "id": name}
    for column, said in objects.items():
        if said is None:
            sets.append(f"{column} = '{{}}'")
            continue
        sets.append(f"{column} = ({column} || %({column})s::jsonb) - %({column}_gone)s::text[]")
        values[column] = json.dumps({key: value for key, value in said.items() if value is not None}, allow_nan=False)
        values[f"{column}_gone"] = [key for key, value in said.items() if value is None]
    with store.transaction() as connection:
        done = connection.execute(f"UPDATE {table} SET {', '.join(sets)} WHERE id = %(id)s".encode(), values).rowcount  # noqa: S608
    if not done:
        raise NotFound(f"{table.removesuffix('s')} id", "one known here", repr(name))


def user_page(store: Store, after: str, n: int) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """At most `n` people (id, attributes, consent) whose ids follow `after`, in the order of ids."""
    with store.reading() as connection:
        found = connection.execute(
            "SELECT id, attributes, consent FROM users WHERE id > %s ORDER BY id LIMIT %s", (after, n)
        )
        return found.fetchall()
