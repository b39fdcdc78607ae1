"""schemathesis over every endpoint: no 500, and no answer outside of the published schema."""

from __future__ import annotations

import os
from typing import Any

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

from tests.serving.serving import Client, Home

EXAMPLES = int(os.environ.get("REGARD_SCHEMA_EXAMPLES", "4"))  # of each endpoint
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


def test_every_endpoint_keeps_to_the_schema(client: Client, served: Home) -> None:
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
                headers = {"Authorization": f"Bearer {served[1]['admin']}"}
                case.call_and_validate(session=session, headers=headers, timeout=60, checks=list(CHECKS))

            try:
                ask()
            except Unsatisfiable:  # nothing of this endpoint can be wrong
                pass
            except (FailureGroup, Failure) as error:
                wrong.append(f"{operation.label}: {error}")
    assert not wrong, "\n\n".join(wrong)
    assert tried > 10 * EXAMPLES
