"""The components that all API documents share: problems, health, metrics, and headers of every answer."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from utils.errors import InvalidError, Problem
from utils.health import Liveness, Readiness, health_type
from utils.http.responses import PROBLEM_RESPONSES, RESPONSE_NAMES

REQUEST_ID: Final = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}

_TEXT: Final = {"type": "string"}
_EXAMPLE: Final = InvalidError.of("limit", "must be less than or equal to 200").problem(
    "/v1/factories", "5f2c1d0e9b8a47d6a3c4e5f60718293a"
)
_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"required": True, "description": "RFC 6750", "schema": _TEXT}},
    503: {
        "Retry-After": {
            "required": True,
            "description": "Seconds after which a retry may succeed",
            "schema": {"type": "integer", "minimum": 1},
        }
    },
}


def shared_components(dependencies: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the components by kind; `dependencies` are those that `/health` names."""
    return {
        "schemas": _schemas(dependencies),
        "responses": {name: _response(status) for status, name in RESPONSE_NAMES.items()},
        "headers": {
            "X-Request-ID": {
                "required": True,
                "description": "The caller's own id for the request, or a new one",
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
            }
        },
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A token of the identity provider; the local stack's: `vfactory token`",
            }
        },
    }


def problem_reference(status: int) -> dict[str, Any]:
    """Return a reference to the shared answer of an error."""
    return {"$ref": f"#/components/responses/{RESPONSE_NAMES[status]}"}


def is_shared(status: str, response: dict[str, Any]) -> bool:
    """Return whether an answer equals the shared answer of its status."""
    return response == PROBLEM_RESPONSES.get(int(status))


def open_paths() -> dict[str, Any]:
    """Return the routes that need no token, which are not FastAPI routes."""
    exposition = {"text/plain": {"schema": _TEXT}, "application/openmetrics-text": {"schema": _TEXT}}
    return {
        "/health": _path("health", "Health of the service and its dependencies", _json("Health"), 200, 503),
        "/health/live": _path("health_live", "Whether the process is alive", _json("Liveness"), 200),
        "/health/ready": _path("health_ready", "Whether to send traffic here", _json("Readiness"), 200, 503),
        "/metrics": _path("metrics", "Metrics for Prometheus", exposition, 200),
    }


def _response(status: int) -> dict[str, Any]:
    return {**PROBLEM_RESPONSES[status], "headers": {**REQUEST_ID, **_HEADERS.get(status, {})}}


def _schemas(dependencies: Sequence[str]) -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(
        (Problem, Liveness, Readiness, health_type(dependencies)),
        ref_template="#/components/schemas/{name}",
    )
    schemas["FieldError"]["additionalProperties"] = False
    schemas["Problem"] |= {"additionalProperties": True, "examples": [_EXAMPLE]}
    return schemas


def _path(name: str, summary: str, content: dict[str, Any], *statuses: int) -> dict[str, Any]:
    described = {
        str(status): {
            "description": "OK" if status < 400 else "Not now",  # noqa: PLR2004
            "content": content,
            "headers": REQUEST_ID,
        }
        for status in statuses
    }
    return {
        "get": {
            "operationId": name,
            "tags": ["operations"],
            "summary": summary,
            "description": f"{summary}. Needs no token.",
            "security": [],
            "responses": described,
        }
    }


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
