"""schemathesis over every endpoint: no 500, and no answer outside of the published schema."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
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


def test_every_endpoint_keeps_to_the_schema(asked: tuple[Client, str]) -> None:
    client, key = asked
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    session: Any = client
    tried, wrong = 0, []
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                nonlocal tried
                tried += 1
                headers = {"Authorization": f"Bearer {key}"}
                case.call_and_validate(session=session, headers=headers, checks=list(CHECKS))

            try:
                ask()
            except Unsatisfiable:  # nothing of this endpoint can be wrong
                pass
            except (FailureGroup, Failure) as error:
                wrong.append(f"{operation.label}: {error}")
    assert not wrong, "\n\n".join(wrong)
    assert tried > 10 * EXAMPLES
