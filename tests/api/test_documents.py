"""The committed documents read well to a stranger: everything has words, an example, and one home."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest

from contracts.access import ACCESS
from contracts.incident_event import IncidentAcknowledged
from support.plant.apis import SERVICES, Started, document, operations

OPERATIONS = [
    pytest.param(service, method, path, operation, id=f"{service} {method} {path}")
    for service in SERVICES
    for method, path, operation in operations(service)
]
PROTECTED = [one for one in OPERATIONS if one.values[2].startswith("/v1/")]  # type: ignore[union-attr]


@pytest.mark.parametrize("service", SERVICES)
def test_the_running_service_serves_the_committed_document(started: Started, service: str) -> None:
    assert httpx.get(started(service).base_url + "/openapi.json").json() == document(service)


@pytest.mark.parametrize("service", SERVICES)
def test_the_document_holds_the_routes_of_the_table_and_what_is_open(service: str) -> None:
    there = {(method, path) for method, path, _ in operations(service)}
    open_paths = {("GET", path) for path in ("/health", "/health/live", "/health/ready", "/metrics")}
    assert there == set(ACCESS[service]) | open_paths


@pytest.mark.parametrize("service", SERVICES)
def test_every_tag_is_explained_and_every_operation_has_a_name_of_its_own(service: str) -> None:
    described = document(service)
    tags = {tag["name"] for tag in described["tags"] if tag["description"]}
    used = {tag for _, _, operation in operations(service) for tag in operation["tags"]}
    assert tags == used
    names = [operation["operationId"] for _, _, operation in operations(service)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)


@pytest.mark.parametrize(("service", "method", "path", "operation"), OPERATIONS)
def test_every_operation_and_parameter_is_described(
    service: str, method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"], (service, method, path)
    assert operation["description"].endswith((".", "?"))
    for parameter in operation.get("parameters", ()):
        assert parameter.get("description"), parameter["name"]
        assert "null" not in str(parameter["schema"].get("anyOf", ""))


@pytest.mark.parametrize(("service", "method", "path", "operation"), PROTECTED)
def test_every_answer_a_caller_must_expect_is_documented(
    service: str, method: str, path: str, operation: dict[str, Any]
) -> None:
    statuses = set(operation["responses"])
    assert statuses >= {"401", "403", "422", "503"}, (service, path)
    assert (statuses >= {"408", "413", "415"}) == ("requestBody" in operation)
    if "{" in path:
        assert "404" in statuses
    assert operation["security"] == [{"bearer": []}]
    assert method in ("GET", "POST")


@pytest.mark.parametrize("service", SERVICES)
def test_every_error_is_a_problem_and_every_answer_carries_its_request_id(service: str) -> None:
    shared = document(service)["components"]["responses"]
    for _, _, operation in operations(service):
        for status, response in operation["responses"].items():
            answer = shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
            assert answer["description"]
            assert "X-Request-ID" in answer["headers"]
            if status >= "400" and operation["tags"] != ["operations"]:
                assert list(answer["content"]) == ["application/problem+json"]
    assert shared["Unauthorized"]["headers"]["WWW-Authenticate"]["required"]
    assert shared["Unavailable"]["headers"]["Retry-After"]["required"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_field_is_described(service: str) -> None:
    missing = [path for path, schema in fields(document(service)) if not says_something(schema)]
    assert missing == []


def fields(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each property of each schema by its path."""
    for name, schema in described["components"]["schemas"].items():
        for field, inner in schema.get("properties", {}).items():
            yield f"{name}.{field}", inner


def says_something(schema: dict[str, Any]) -> bool:
    """Whether a field has words of its own, or is of a named type, which has them."""
    variants = (schema, schema.get("items", {}), *schema.get("anyOf", ()), *schema.get("allOf", ()))
    return any(variant.get("description") or "$ref" in variant for variant in variants)


@pytest.mark.parametrize("service", SERVICES)
def test_every_named_type_is_described(service: str) -> None:
    schemas = document(service)["components"]["schemas"]
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_example_is_valid(service: str) -> None:
    described = document(service)
    found = 0
    for name, schema in described["components"]["schemas"].items():
        whole = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        for example in schema.get("examples", ()):
            jsonschema_rs.validate(whole, example)
            found += 1
    assert found >= 1


@pytest.mark.parametrize(("service", "method", "path", "operation"), PROTECTED)
def test_every_json_body_has_an_example(
    service: str, method: str, path: str, operation: dict[str, Any]
) -> None:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        assert method == "GET" or path == "/v1/assets"
        return
    described = document(service)
    variants = [schema, *schema.get("anyOf", ())]
    named = [
        described["components"]["schemas"][one["$ref"].rpartition("/")[2]]
        for one in variants
        if "$ref" in one
    ]
    assert any(one.get("examples") for one in (*variants, *named))


def test_the_stream_is_documented_as_a_stream() -> None:
    operation = document("incident-event")["paths"]["/v1/events"]["get"]
    answer = operation["responses"]["200"]
    example = answer["content"]["text/event-stream"]["example"]
    assert "id: 42\nevent: incident.acknowledged.v1\ndata: {" in example
    data = json.loads(re.findall(r"^data: (.*)$", example, flags=re.MULTILINE)[0])
    event = msgspec.convert(data["payload"], IncidentAcknowledged, strict=False)
    assert msgspec.to_builtins(event).keys() == data["payload"].keys()
    for word in ("Last-Event-ID", "reset", "retry", "heartbeat"):
        assert word in operation["description"], word
