"""Answers every error as RFC 9457 problem+json."""

import re
import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import asyncpg
import orjson
import redis.exceptions
import sqlalchemy.exc
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from utils.errors import ConflictError, FieldError, InvalidError, ServiceError, UnavailableError
from utils.faults import WriteFault, fault_of, write_fault_of
from utils.http.fields import TEXT_PATTERN
from utils.lifecycle import note_write
from utils.logging import logger, request_id_var

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that disconnected; it appears only in metrics and logs."""


def of_service_error(request: Request, error: ServiceError) -> Response:
    """Return the answer that a service's error carries."""
    document = error.problem(request.scope.get("path", ""), request_id_var.get() or "")
    return Response(_json(document), error.status, error.headers, "application/problem+json")


async def internal_error(request: Request, error: Exception) -> Response:
    """Return the answer to an unforeseen error: a request id, under which the log has the details."""
    logger.error("Unhandled %s", type(error).__name__, exc_info=error)
    return of_service_error(
        request, ServiceError("The service failed; its log says why under this request id.")
    )


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error of this application as problem+json."""
    app.add_exception_handler(ServiceError, _on_service_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(ResponseValidationError, internal_error)
    app.add_exception_handler(sqlalchemy.exc.DBAPIError, _on_database_error)
    app.add_exception_handler(asyncpg.PostgresError, _on_database_error)
    for fault in (
        OSError,
        TimeoutError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        sqlalchemy.exc.TimeoutError,
        redis.exceptions.ConnectionError,
        redis.exceptions.TimeoutError,
    ):
        app.add_exception_handler(fault, unavailable)


async def _on_service_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)  # noqa: S101 - for mypy: Starlette's signature is wide
    return of_service_error(request, error)


async def unavailable(request: Request, error: Exception) -> Response:
    """Return a 503 that names a dependency's fault in fixed words; the driver's text is logged."""
    fault = fault_of(error)
    logger.warning(
        "A dependency failed: %s", fault, extra={"fault": fault, "detail": f"{type(error).__name__}: {error}"}
    )
    detail = f"A dependency of this service is unavailable ({fault}). Retry shortly."
    return of_service_error(request, UnavailableError(detail))


_WRITE_REFUSALS: Final = {
    WriteFault.DISK_FULL: "The database's disk is full.",
    WriteFault.READ_ONLY: "The database is read-only.",
    WriteFault.OUT_OF_MEMORY: "The database is out of memory.",
}


async def _on_database_error(request: Request, error: Exception) -> Response:
    if (refusal := write_fault_of(error)) in _WRITE_REFUSALS:
        note_write("database", refusal)
        return of_service_error(request, UnavailableError(_WRITE_REFUSALS[refusal]))
    state = _sqlstate(error)
    if state[:2] in _UNAVAILABLE_CLASSES or isinstance(
        error, sqlalchemy.exc.InterfaceError | sqlalchemy.exc.OperationalError
    ):
        return await unavailable(request, error)
    if getattr(error, "connection_invalidated", False) or isinstance(_driver_error(error), OSError):
        return await unavailable(request, error)
    answer = _BY_SQLSTATE.get(state) or _BY_SQLSTATE.get(state[:2])
    if answer is None:
        return await internal_error(request, error)
    # The database refused what validation should have refused: answered as such, and logged to be looked at.
    logger.warning("The database refused a request", exc_info=error, extra={"sqlstate": state})
    kind, detail = answer
    return of_service_error(request, kind(detail))


# SQLSTATE classes of PostgreSQL: connection, resources, operator intervention, system, rollback.
_UNAVAILABLE_CLASSES = frozenset({"08", "53", "57", "58", "40", "25", "55", "28"})
_CONFLICT = (ConflictError, "The request contradicts what is stored.")
_INVALID = (InvalidError, "A value is outside what can be stored.")
_BY_SQLSTATE = {"23505": _CONFLICT, "23503": _CONFLICT, "23P01": _CONFLICT, "23514": _INVALID, "22": _INVALID}


def _driver_error(error: BaseException) -> BaseException | None:
    inner = getattr(error, "orig", None)
    return getattr(inner, "__cause__", None) or inner


def _sqlstate(error: BaseException) -> str:
    for candidate in (error, getattr(error, "orig", None), _driver_error(error)):
        state = getattr(candidate, "sqlstate", None)
        if state:
            return str(state)
    # asyncpg refuses an argument it cannot encode before the server sees it
    return "22000" if isinstance(_driver_error(error), asyncpg.DataError) else "XX000"


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for mypy: Starlette's signature is wide
    cause = error.__cause__
    if isinstance(cause, ServiceError):
        return of_service_error(request, cause)
    if isinstance(cause, ClientDisconnect):
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    if isinstance(cause, UnicodeDecodeError):
        return of_service_error(request, InvalidError.of("body", "must be UTF-8"))
    if isinstance(cause, RecursionError):
        return of_service_error(request, InvalidError.of("body", "is nested too deeply"))
    if isinstance(cause, ValueError):  # malformed JSON is a RequestValidationError
        detail = f"must hold no numbers of more than {sys.get_int_max_str_digits()} digits"
        return of_service_error(request, InvalidError.of("body", detail))
    return _of_status(request, error)


def _of_status(request: Request, error: HTTPException) -> Response:
    status, detail = HTTPStatus(error.status_code), str(error.detail)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        methods = set(request.app.state.routes.methods(request.scope))
        headers["Allow"] = ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))
        detail = f"{request.method} is not possible here; allowed: {headers['Allow']}."
    elif status is HTTPStatus.NOT_FOUND and detail == status.phrase:
        detail = "There is nothing at this path."
    return of_service_error(request, ServiceError.of_status(status, detail, headers))


_IN_DETAIL, _IN_ERRORS, _MOST_OF_A_NAME = 3, 100, 200


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for mypy: Starlette's signature is wide
    found = error.errors()
    errors = [_field_error(detail) for detail in found[:_IN_ERRORS]]
    detail = "; ".join(f"{one['field']}: {one['detail']}" for one in errors[:_IN_DETAIL])
    if len(found) > _IN_DETAIL:
        detail += f" (and {len(found) - _IN_DETAIL} more)"
    return of_service_error(request, InvalidError(detail, errors=errors))


def _field_error(detail: Mapping[str, Any]) -> FieldError:
    return {"field": _path(detail["loc"]), "detail": _sentence(detail)}


def _path(location: Sequence[int | str]) -> str:
    """Return pydantic's location as a caller would write it: `readings[3].at`, `limit`, `body`."""
    origin, *rest = location
    if not rest or (origin == "body" and isinstance(rest[0], int) and len(rest) == 1):
        return str(origin)
    path = ""
    for step in rest:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path[:_MOST_OF_A_NAME]


_INPUT_SHOULD = re.compile(r"^(Input|String|Value|List|Data|Decimal|URL|UUID|Datetime) should\b")


_SENTENCES: Final = {
    "extra_forbidden": "is not a known field",
    "missing": "is required",
    "string_unicode": "must be valid Unicode text, without lone surrogates",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "float_type": "must be a valid number, within what a double can hold",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_parsing_size": "must be an integer of 64 bits",
}


def _sentence(detail: Mapping[str, Any]) -> str:
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == "json_invalid":
        return f"is not JSON: {context.get('error', 'malformed')} at character {detail['loc'][-1]}"
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    if kind == "string_pattern_mismatch" and context.get("pattern") == TEXT_PATTERN:
        return "must not contain the character U+0000"
    return _INPUT_SHOULD.sub("must", str(detail["msg"]).removeprefix("Value error, "))


def _json(document: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(document, default=str)
    except TypeError:  # a lone surrogate in a text of the request
        return orjson.dumps(_without_surrogates(document), default=str)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value
