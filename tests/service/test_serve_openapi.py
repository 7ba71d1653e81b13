"""The OpenAPI document: whatever is sent by it, nothing breaks, and answers are as it says."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.serving import PATIENCE, Service

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


QUICK = settings(
    max_examples=8, phases=[Phase.generate], derandomize=True, database=None, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def test_no_request_breaks_the_service(service: Service, keys: dict[str, str]) -> None:
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    headers = {"Authorization": f"Bearer {keys['admin']}"}  # opens all doors
    tried = []
    for found in schema.get_all_operations():
        operation = found.ok()
        tried.append(operation.label)

        @QUICK
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            case.call_and_validate(checks=CHECKS, headers=headers, timeout=PATIENCE)

        check()
    assert {"PUT /v1/verify", "POST /matches/byContent", "GET /manifests/{manifestId}"} <= set(
        tried
    )


def test_the_document_names_what_the_standard_names(service: Service) -> None:
    with service.client() as client:
        paths = client.get("/openapi.json").json()["paths"]

    assert set(paths["/matches/byBinding"]) == {"get", "post"}
    names = {p["name"] for p in paths["/matches/byContent"]["post"]["parameters"]}
    assert names == {"alg", "maxResults", "hintAlg", "hintValue"}
    names = {p["name"] for p in paths["/manifests/{manifestId}"]["get"]["parameters"]}
    assert names == {"manifestId", "returnActiveManifest"}
    for operations in paths.values():
        for operation in operations.values():
            assert "422" not in operation["responses"]
