"""What the generated API document needs beyond the routes: errors, bearer tokens, health and metrics."""

from typing import Any

from fastapi import FastAPI

from utils.errors import FieldError
from utils.faults import Fault

PROTECTED_PREFIX = "/v1/"

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_CONNECTION = {"type": "string", "enum": ["connected", "disconnected"]}
_FAULT = {"type": "string", "enum": [fault.value for fault in Fault]}


def complete_openapi(app: FastAPI) -> None:
    """Let `/openapi.json` tell the whole contract, also what is not a FastAPI route."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        if "Problem" not in document.setdefault("components", {}).setdefault("schemas", {}):
            _complete(document, uses_redis=app.state.kit.redis is not None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any], *, uses_redis: bool) -> None:
    components = document["components"]
    components["schemas"] |= {
        "FieldError": _object(dict.fromkeys(FieldError.__required_keys__, _TEXT)),
        "Health": _health_schema(("database", "redis") if uses_redis else ("database",)),
        "Problem": _problem_schema(),
        "Readiness": _readiness_schema(),
    }
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for path, operations in document["paths"].items():
        if path.startswith(PROTECTED_PREFIX):
            for operation in operations.values():
                operation["security"] = [{"bearer": []}]
    document["paths"] |= _open_paths()


def _problem_schema() -> dict[str, Any]:
    optional = {"errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}}}
    schema = _object(
        {
            "type": {"type": "string", "format": "uri"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "instance": _TEXT,
            "request_id": _TEXT,
        },
        optional,
    )
    return {"description": "RFC 9457 problem details", **schema, "additionalProperties": True}


def _health_schema(dependencies: tuple[str, ...]) -> dict[str, Any]:
    required: dict[str, Any] = {
        "status": {"type": "string", "enum": ["healthy", "unhealthy"]},
        "timestamp": _TIME,
    }
    required |= dict.fromkeys(dependencies, _CONNECTION)
    return _object(required, {f"{name}_error": _FAULT for name in dependencies})


def _readiness_schema() -> dict[str, Any]:
    status = {"type": "string", "enum": ["ready", "unready", "draining"]}
    required = {"status": status, "timestamp": _TIME, "database": _CONNECTION}
    return _object(required, {"database_error": _FAULT})


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": sorted(required),
        "additionalProperties": False,
    }


def _open_paths() -> dict[str, Any]:
    health, readiness = _json("#/components/schemas/Health"), _json("#/components/schemas/Readiness")
    live = _object({"status": {"type": "string", "enum": ["alive"]}, "timestamp": _TIME})
    exposition = {"text/plain": {"schema": _TEXT}, "application/openmetrics-text": {"schema": _TEXT}}
    return {
        "/health": _path("Health of the service and what it depends on", {200: health, 503: health}),
        "/health/live": _path("Whether the process lives", {200: {"application/json": {"schema": live}}}),
        "/health/ready": _path("Whether to send traffic here", {200: readiness, 503: readiness}),
        "/metrics": _path("Metrics for Prometheus", {200: exposition}),
    }


def _path(summary: str, responses: dict[int, dict[str, Any]]) -> dict[str, Any]:
    described = {
        str(status): {"description": "OK" if status < 400 else "Not now", "content": content}  # noqa: PLR2004
        for status, content in responses.items()
    }
    return {"get": {"tags": ["operations"], "summary": summary, "security": [], "responses": described}}


def _json(reference: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": reference}}}
