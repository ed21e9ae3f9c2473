"""Errors that carry their HTTP answer; raised anywhere below the endpoints, without a web framework."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

RETRY_AFTER_SECONDS = 1


class FieldError(TypedDict):
    """What is wrong with one field of the request."""

    field: Annotated[str, Meta(description="Its path in the request, such as `readings[3].at` or `limit`")]
    detail: Annotated[str, Meta(description="What is allowed")]


class Problem(TypedDict):
    """What went wrong (RFC 9457)."""

    type: Annotated[
        str,
        Meta(description="What kind of problem, for programs", extra_json_schema={"format": "uri"}),
    ]
    title: Annotated[str, Meta(description="What kind of problem, for people")]
    status: Annotated[int, Meta(description="The status code of this answer")]
    detail: Annotated[str, Meta(description="What is wrong with this request")]
    instance: Annotated[str, Meta(description="The path that was asked for")]
    request_id: Annotated[str, Meta(description="As X-Request-ID; the service's log lines carry it")]
    errors: NotRequired[
        Annotated[
            list[FieldError],
            Meta(description="What is wrong, field by field; absent if no field is to blame"),
        ]
    ]


class ServiceError(Exception):
    """An error that is answered as RFC 9457 problem+json.

    Args:
        detail: one sentence for the caller; never a secret, a DSN or a stack trace.
        errors: what is wrong, field by field; empty if no field is to blame.
        extra: further members of the problem document.
        headers: further headers of the answer.
    """

    status: int = 500
    title: str = "Internal error"
    slug: str = "internal-error"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail or self.title
        self.errors = list(errors)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    @classmethod
    def of_status(
        cls, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> "ServiceError":
        """Return an error of any other status, in HTTP's own words."""
        error = cls(detail, headers=headers)
        error.status, error.title = status.value, status.phrase
        error.slug = status.phrase.lower().replace(" ", "-")
        return error

    def problem(self, instance: str, request_id: str) -> Mapping[str, object]:
        """Return the problem document for a request, by its path and its id."""
        document: Problem = {
            "type": f"urn:v-factory:problem:{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = self.errors
        return {**document, **self.extra} if self.extra else document


class BadRequestError(ServiceError):
    """The request breaks the rules of HTTP."""

    status = 400
    title = "Bad request"
    slug = "bad-request"


class UnauthorizedError(ServiceError):
    """The request carries no token, or an invalid one."""

    status = 401
    title = "Not authenticated"
    slug = "unauthorized"

    def __init__(self, detail: str = "", **answer: Any) -> None:
        super().__init__(detail, **answer)
        self.headers.setdefault("WWW-Authenticate", "Bearer")


class ForbiddenError(ServiceError):
    """The token's role may not do this."""

    status = 403
    title = "Not allowed"
    slug = "forbidden"


class NotFoundError(ServiceError):
    """It does not exist, or it belongs to a factory that the token is not for."""

    status = 404
    title = "Not found"
    slug = "not-found"


class ConflictError(ServiceError):
    """The request contradicts what is stored."""

    status = 409
    title = "Conflict"
    slug = "conflict"


class PreconditionFailedError(ServiceError):
    """The object has changed since the caller read it (`If-Match`)."""

    status = 412
    title = "Precondition failed"
    slug = "precondition-failed"


class TooLargeError(ServiceError):
    """The body is longer than this route accepts."""

    status = 413
    title = "Content too large"
    slug = "content-too-large"


class UnsupportedMediaError(ServiceError):
    """The body is of a media type that this route does not accept."""

    status = 415
    title = "Unsupported media type"
    slug = "unsupported-media-type"


class RequestTimeoutError(ServiceError):
    """The body did not arrive in time."""

    status = 408
    title = "Request timeout"
    slug = "request-timeout"


class UriTooLongError(ServiceError):
    """The path and the query together are too long."""

    status = 414
    title = "URI too long"
    slug = "uri-too-long"


class HeadersTooLargeError(ServiceError):
    """The headers together are too long."""

    status = 431
    title = "Request header fields too large"
    slug = "headers-too-large"


class InvalidError(ServiceError):
    """The request is well-formed but invalid; `errors` names the fields."""

    status = 422
    title = "Invalid request"
    slug = "invalid-request"

    @classmethod
    def of(cls, field: str, detail: str) -> "InvalidError":
        """Return the error of one invalid field."""
        return cls(f"{field}: {detail}", errors=[{"field": field, "detail": detail}])


class UnavailableError(ServiceError):
    """A dependency of this service is unavailable at the moment; retry later."""

    status = 503
    title = "Temporarily unavailable"
    slug = "unavailable"

    def __init__(self, detail: str = "", **answer: Any) -> None:
        super().__init__(detail, **answer)
        self.headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
