"""schemathesis over every endpoint: no 500, and no answer outside of the published schema."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from regard.data.store.server import Server
from tests.serving.serving import Client, client_of, install, settings_of

EXAMPLES = int(os.environ.get("REGARD_SCHEMA_EXAMPLES", "8"))  # of each endpoint
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture(scope="module")
def asked(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, str]]:
    home = settings_of(tmp_path_factory.mktemp("home"), server.url, "fuzzed")
    keys = install(home)
    with client_of(home) as client:
        yield client, keys["admin"]
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA fuzzed CASCADE")


@pytest.fixture
def schema(asked: tuple[Client, str]) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", asked[0].app)


fuzzed = schemathesis.pytest.from_fixture("schema")


@fuzzed.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_endpoint_keeps_to_the_schema(case: schemathesis.Case[Any], asked: tuple[Client, str]) -> None:
    session: Any = asked[0]
    case.call_and_validate(session=session, headers={"Authorization": f"Bearer {asked[1]}"}, checks=list(CHECKS))
