"""How the API's documents describe errors: the `responses=` of routes and routers."""

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


PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    error.status: _documented(error)
    for error in (
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
}
"""For a route's or router's `responses=`; `build_app` gives every route 401, 403, 404, 413, 422 and 503."""
