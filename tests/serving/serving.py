"""A small installation that serves: 40 films, 60 people of one genre each, and a key of each role."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from fastapi.testclient import TestClient

from regard.data.keys import ROLES, create_key
from regard.data.postgres import Store
from regard.domain.run import Run
from regard.serving.app import create
from regard.serving.installation import Installation
from regard.serving.settings import Settings, read_settings
from tests.serving.test_cli import catalogue

Home: TypeAlias = tuple[Settings, dict[str, str]]  # a tenant, and its keys by role
CONTENT = {
    "content": {"kind": "content"},
    "taste": {"kind": "content_regression", "factors": 8},
    "popular": {"kind": "popularity"},
}
POLICY = {"kind": "thompson", "slots": 0.3, "clicks": 0.3, "minutes": 0.0}
RECIPES = {"sources": {"ease": {"kind": "ease", "l2": 5.0}, "popular": {"kind": "popularity"}}}
UNHURRIED = {"REGARD_PATIENCE": "30", "REGARD_BUDGET": "30"}  # a machine that has more to do is no fault


def settings_of(folder: Path, url: str, tenant: str) -> Settings:
    """Settings of a tenant in a running server, with quick recipes."""
    return replace(read_settings(folder, UNHURRIED), database_url=url, tenant=tenant, recipes=RECIPES, threads=1)


def install(settings: Settings, like: Settings | None = None) -> dict[str, str]:
    """Data, a live release, and a key of each role, by role; with `like`, release and text vectors are copied there."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    if like is not None:
        shutil.copytree(like.folder / like.tenant, settings.folder / settings.tenant)
        shutil.copytree(like.folder / "cache", settings.folder / "cache", dirs_exist_ok=True)
    with Installation.open(settings) as here:
        here.take_in(catalogue(settings.folder))
        if like is None:
            here.fit(here.dataset(), Run(seed=0))
        return {role: create_key(here.store, role, role) for role in ROLES}


def said(store: Settings, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the store itself says, past all our code."""
    with psycopg.connect(str(store.database_url)) as connection:
        connection.execute(f"SET search_path = {store.tenant}, public".encode())
        return connection.execute(query.encode(), values).fetchall()


class Client(TestClient):
    """Asks with one key."""

    def bearing(self, key: str) -> Client:
        """The same client with another key."""
        self.headers["Authorization"] = f"Bearer {key}"
        return self

    def list_for(self, user: str | None = "u1", **asked: Any) -> dict[str, Any]:
        """A list, which must come."""
        answer = self.post("/v1/recommendations", json={"user_id": user, **asked} if user else asked)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def logged_list_for(self, user: str | None = "u1", **asked: Any) -> dict[str, Any]:
        """A list that is in the log: on a busy machine the store may have no second for the first one."""
        while not (found := self.list_for(user, **asked))["logged"]:
            pass
        return found


def client_of(*settings: Settings) -> Client:
    """A client of an application over these tenants; use it in `with`."""
    return Client(create(settings), raise_server_exceptions=False)


def ids(answer: dict[str, Any]) -> list[str]:
    """The items of a list."""
    return [item["id"] for item in answer["items"]]


def install_key(own: Settings) -> str:
    """A key of an expert."""
    with Store.open(own.store, own.tenant) as store:
        return create_key(store, "ann the expert", "expert")
