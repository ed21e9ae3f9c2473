"""What every service's API document shares: problems, health, metrics, and the headers of every answer."""

from typing import Any, Final

from utils.errors import FieldError
from utils.faults import Fault
from utils.http.responses import PROBLEM_RESPONSES

PROBLEM_CONTENT: Final = PROBLEM_RESPONSES[422]["content"]
REQUEST_ID: Final = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}

_TEXT: Final = {"type": "string"}
_TIME: Final = {
    "type": "string",
    "format": "date-time",
    "description": "When it was checked: UTC, to the second",
    "examples": ["2026-01-15T10:30:00Z"],
}
_CONNECTION: Final = {
    "type": "string",
    "enum": ["connected", "disconnected"],
    "description": "Whether it answers",
}
_FAULT: Final = {
    "type": "string",
    "enum": [fault.value for fault in Fault],
    "description": "Why it is disconnected; absent while it is connected",
}
_PROBLEM_EXAMPLE: Final = {
    "type": "urn:v-factory:problem:invalid-request",
    "title": "Invalid request",
    "status": 422,
    "detail": "limit: must be less than or equal to 200",
    "instance": "/v1/factories",
    "request_id": "5f2c1d0e9b8a47d6a3c4e5f60718293a",
    "errors": [{"field": "limit", "detail": "must be less than or equal to 200"}],
}
_NAMES: Final = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    408: "RequestTimeout",
    409: "Conflict",
    412: "PreconditionFailed",
    413: "ContentTooLarge",
    415: "UnsupportedMediaType",
    422: "InvalidRequest",
    503: "Unavailable",
}
_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"required": True, "description": "RFC 6750", "schema": _TEXT}},
    503: {
        "Retry-After": {
            "required": True,
            "description": "Seconds after which asking again may help",
            "schema": {"type": "integer", "minimum": 1},
        }
    },
}


def shared_components(dependencies: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Give the components by kind; `dependencies` are those /health names."""
    return {
        "schemas": {
            "FieldError": _field_error(),
            "Health": _health(dependencies),
            "Problem": _problem(),
            "Readiness": _readiness(),
        },
        "responses": {name: _response(status) for status, name in _NAMES.items()},
        "headers": {
            "X-Request-ID": {
                "required": True,
                "description": "The caller's own id for the request, or one made for it",
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
            }
        },
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A token of the identity provider; of the local stack, `vfactory token`",
            }
        },
    }


def problem_reference(status: int) -> dict[str, Any]:
    """Refer to the shared answer of an error."""
    return {"$ref": f"#/components/responses/{_NAMES[status]}"}


def is_shared(status: str, response: dict[str, Any]) -> bool:
    """Whether an answer is the shared one of its status, spelled out."""
    code = int(status)
    return code in _NAMES and response == PROBLEM_RESPONSES[code]


def open_paths() -> dict[str, Any]:
    """Give the routes that need no token and are no FastAPI routes."""
    health, readiness = _json("#/components/schemas/Health"), _json("#/components/schemas/Readiness")
    live = _object({"status": {"type": "string", "enum": ["alive"]}, "timestamp": _TIME})
    exposition = {"text/plain": {"schema": _TEXT}, "application/openmetrics-text": {"schema": _TEXT}}
    return {
        "/health": _path(
            "health", "Health of the service and what it depends on", {200: health, 503: health}
        ),
        "/health/live": _path(
            "health_live", "Whether the process lives", {200: {"application/json": {"schema": live}}}
        ),
        "/health/ready": _path(
            "health_ready", "Whether to send traffic here", {200: readiness, 503: readiness}
        ),
        "/metrics": _path("metrics", "Metrics for Prometheus", {200: exposition}),
    }


def _response(status: int) -> dict[str, Any]:
    return {**PROBLEM_RESPONSES[status], "headers": {**REQUEST_ID, **_HEADERS.get(status, {})}}


def _field_error() -> dict[str, Any]:
    described = {
        "field": {**_TEXT, "description": "Its path in the request, such as `readings[3].at` or `limit`"},
        "detail": {**_TEXT, "description": "What is allowed"},
    }
    schema = _object({name: described[name] for name in FieldError.__annotations__})
    return {"description": "What is wrong with one field of the request", **schema}


def _problem() -> dict[str, Any]:
    errors = {
        "type": "array",
        "items": {"$ref": "#/components/schemas/FieldError"},
        "description": "What is wrong, field by field, where it can be said so",
    }
    schema = _object(
        {
            "type": {**_TEXT, "format": "uri", "description": "What kind of problem, for programs"},
            "title": {**_TEXT, "description": "What kind of problem, for people"},
            "status": {"type": "integer", "description": "The status code of this answer"},
            "detail": {**_TEXT, "description": "What is wrong with this request"},
            "instance": {**_TEXT, "description": "The path that was asked for"},
            "request_id": {**_TEXT, "description": "As X-Request-ID; the service's log knows it"},
        },
        {"errors": errors},
    )
    return {
        "description": "What went wrong (RFC 9457)",
        **schema,
        "additionalProperties": True,
        "examples": [_PROBLEM_EXAMPLE],
    }


def _health(dependencies: tuple[str, ...]) -> dict[str, Any]:
    required: dict[str, Any] = {
        "status": {
            "type": "string",
            "enum": ["healthy", "unhealthy"],
            "description": "Healthy while every dependency is connected",
        },
        "timestamp": _TIME,
    }
    required |= dict.fromkeys(dependencies, _CONNECTION)
    schema = _object(required, {f"{name}_error": _FAULT for name in dependencies})
    return {"description": "Unhealthy (503) while any dependency is disconnected", **schema}


def _readiness() -> dict[str, Any]:
    status = {
        "type": "string",
        "enum": ["ready", "unready", "draining"],
        "description": "Draining once it has been told to end",
    }
    required = {"status": status, "timestamp": _TIME, "database": _CONNECTION}
    schema = _object(required, {"database_error": _FAULT})
    return {"description": "Ready (200) while the database answers and the process is not ending", **schema}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": sorted(required),
        "additionalProperties": False,
    }


def _path(name: str, summary: str, responses: dict[int, dict[str, Any]]) -> dict[str, Any]:
    described = {
        str(status): {
            "description": "OK" if status < 400 else "Not now",  # noqa: PLR2004
            "content": content,
            "headers": REQUEST_ID,
        }
        for status, content in responses.items()
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


def _json(reference: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": reference}}}
