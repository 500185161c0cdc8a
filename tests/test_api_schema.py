"""Whatever a program sends to the JSON side by its own description, it gets an answer that fits that description."""

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from support_portal import Portal

from auth import cookies

# What is answered does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

EXAMPLES = 25  # for each operation
QUIET = settings(
    max_examples=EXAMPLES,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


async def test_answers_anything_without_an_error_of_its_own(served: tuple[Portal, str]) -> None:
    portal, session = served
    tried = await asyncio.to_thread(try_everything, portal.base_url, {"Cookie": f"{cookies.SESSION}={session}"})
    assert tried["GET /api/v1/invoices"] >= EXAMPLES
    assert len(tried) >= 7


def try_everything(base_url: str, headers: dict[str, str]) -> dict[str, int]:
    """Send what the schema allows, and count it by operation."""
    schema = schemathesis.openapi.from_url(f"{base_url}/api/v1/schema/openapi.json", headers=headers)
    tried: dict[str, int] = {}
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @QUIET
        @given(case=operation.as_strategy())
        def send(case: schemathesis.Case[Any]) -> None:
            tried[case.operation.label] = tried.get(case.operation.label, 0) + 1  # run at once
            case.validate_response(case.call(base_url=base_url, headers=headers), checks=CHECKS)

        send()
    return tried
