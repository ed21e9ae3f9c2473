"""Completes the generated API document with what FastAPI does not know: errors, headers, open routes."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from utils.http.openapi_components import (
    REQUEST_ID,
    is_shared,
    open_paths,
    problem_reference,
    shared_components,
)

PROTECTED_PREFIX = "/v1/"

CONVENTIONS: Final = """

### Conventions

- Bodies are JSON in UTF-8 unless stated otherwise. Times are RFC 3339 with a zone; answers give them in UTC.
  Units are in the names (`_seconds`, `_m`, `_bytes`).
- Everything under `/v1` needs a token: `Authorization: Bearer <JWT>`. The token's role says what it may do,
  its factories what it sees: anything of another factory is answered with 404, as if it did not exist.
- Lists come in pages: send `next_cursor` back as `cursor` until it is null.
- An unknown field or query parameter is refused (422), not ignored, and so is a parameter or header that is
  given twice although one is expected. If a JSON object has two members of the same name, the last one
  counts.
- Every error is a problem document (RFC 9457, `application/problem+json`); `errors` names each wrong field
  and what is allowed. Beside the errors listed with a route there are 400 (the request is not HTTP), 405
  (with `Allow`), 414 and 431 (the URL or the headers are too long), and 500 (the service failed; its log says
  why).
- Every answer carries `X-Request-ID`: the caller's own, if it is 1 to 64 of `A-Z a-z 0-9 . _ -`, or a new
  one. The service's log lines about the request carry it too.
- Every GET route answers HEAD as well.
"""
_OPERATIONS: Final = {"name": "operations", "description": "Health and metrics; no token needed"}


def operation_id(route: APIRoute) -> str:
    """Return an operation's id: the name of its function, which is unique in a service."""
    return route.name


def complete_openapi(app: FastAPI) -> None:
    """Make `/openapi.json` describe the whole API, including routes that are not FastAPI's."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        if "Problem" not in document.setdefault("components", {}).setdefault("schemas", {}):
            _complete(document, app.state.kit.health.dependencies)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any], dependencies: Sequence[str]) -> None:
    document["info"]["description"] = document["info"].get("description", "").strip() + CONVENTIONS
    document["tags"] = [*document.get("tags", ()), _OPERATIONS]
    components = document["components"]
    for kind, shared in shared_components(dependencies).items():
        components.setdefault(kind, {}).update(shared)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete_operation(path, operation)
    used = str(document["paths"])
    components["responses"] = {
        name: response
        for name, response in components["responses"].items()
        if f"#/components/responses/{name}'" in used
    }
    document["paths"] |= open_paths()


def _complete_operation(path: str, operation: dict[str, Any]) -> None:
    if path.startswith(PROTECTED_PREFIX):
        operation["security"] = [{"bearer": []}]
    operation["summary"] = operation["summary"].capitalize()
    for parameter in operation.get("parameters", ()):
        _without_null(parameter["schema"])
        if parameter["in"] == "path" or parameter["name"] == "factory":
            parameter.setdefault("description", f"Id of the {parameter['name'].removesuffix('_id')}")
    responses = operation["responses"]
    if "requestBody" not in operation:
        responses.pop("413", None)
        if not any(_may_be_unknown(parameter) for parameter in operation.get("parameters", ())):
            responses.pop("404", None)
    else:
        responses |= {str(status): problem_reference(status) for status in (408, 415)}
    for status, response in responses.items():
        if is_shared(status, response):
            responses[status] = problem_reference(int(status))
        elif "$ref" not in response:
            response["headers"] = {**REQUEST_ID, **response.get("headers", {})}


def _may_be_unknown(parameter: dict[str, Any]) -> bool:
    """Return whether the parameter names an object that may not exist."""
    return bool(parameter["in"] == "path" or parameter["name"] == "factory")


def _without_null(schema: dict[str, Any]) -> None:
    """Remove null from the schema of an optional parameter: a URL has no null."""
    variants = [variant for variant in schema.get("anyOf", ()) if variant != {"type": "null"}]
    if len(variants) == 1:
        del schema["anyOf"]
        schema.update(variants[0])
