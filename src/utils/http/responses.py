"""The descriptions of errors in the API's documents: the `responses=` of routes and routers."""

from typing import Any, Final

from utils.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    PreconditionFailedError,
    RequestTimeoutError,
    ServiceError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedMediaError,
)


def _documented(error: type[ServiceError]) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": f"{error.title}. {(error.__doc__ or '').splitlines()[0]}", "content": content}


_ERRORS: Final = (
    UnauthorizedError,
    ForbiddenError,
    NotFoundError,
    RequestTimeoutError,
    ConflictError,
    PreconditionFailedError,
    TooLargeError,
    UnsupportedMediaError,
    InvalidError,
    UnavailableError,
)
RESPONSE_NAMES: Final = {error.status: error.slug.title().replace("-", "") for error in _ERRORS}
"""The name of each status's shared answer in the API's documents."""

PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    error.status: _documented(error) for error in _ERRORS
}
"""For a route's or router's `responses=`; `build_app` gives every route 401, 403, 404, 413, 422 and 503."""
