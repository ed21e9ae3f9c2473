"""What can be wrong with a content, as the client is told."""

from utils.errors import InvalidError, ServiceError


class MalformedError(InvalidError):
    """The file is not what its format demands."""

    title = "Malformed file"
    slug = "malformed-file"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[{"field": "body", "detail": detail}])


class StoreFullError(ServiceError):
    """There is no room left for another file (RFC 4918, section 11.5)."""

    status = 507
    title = "Insufficient storage"
    slug = "insufficient-storage"


class ContentDamagedError(ServiceError):
    """The asset is known, its file is gone or not as it was stored."""

    status = 500
    title = "Content damaged"
    slug = "content-damaged"


class RangeNotSatisfiableError(ServiceError):
    """The asked range lies outside the content, or is no range."""

    status = 416
    title = "Range not satisfiable"
    slug = "range-not-satisfiable"
