"""The errors of contents, with their HTTP answers."""

from utils.errors import InvalidError, ServiceError


class MalformedError(InvalidError):
    """The file violates its format."""

    title = "Malformed file"
    slug = "malformed-file"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[{"field": "body", "detail": detail}])


class StoreFullError(ServiceError):
    """The store has no room for the file (RFC 4918, section 11.5)."""

    status = 507
    title = "Insufficient storage"
    slug = "insufficient-storage"


class ContentDamagedError(ServiceError):
    """The asset exists, but its file is missing or damaged."""

    status = 500
    title = "Content damaged"
    slug = "content-damaged"


class RangeNotSatisfiableError(ServiceError):
    """The requested range is malformed or outside the content."""

    status = 416
    title = "Range not satisfiable"
    slug = "range-not-satisfiable"
