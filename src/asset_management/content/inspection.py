"""Checks that a file is of the declared type, by its first bytes."""

from asset_management.content.kinds import ALLOWED, PREFIX_BYTES, Kind, MediaType, parse_media_type, sniff
from utils.errors import InvalidError, UnsupportedMediaError


def require_media_type(kind: Kind, content_type: str | None, content_encoding: str | None) -> MediaType:
    """Return the declared media type of an upload of this kind.

    Raises:
        UnsupportedMediaError: the type is missing or not supported, or the body is compressed.
        InvalidError: the type is supported, but not for this kind.
    """
    if content_encoding is not None and content_encoding.strip().lower() != "identity":
        raise UnsupportedMediaError("Send the file as it is, without Content-Encoding.")
    declared = None if content_type is None else parse_media_type(content_type)
    if declared is None:
        raise UnsupportedMediaError(f"Content-Type must be one of: {', '.join(MediaType)}.")
    if declared not in ALLOWED[kind]:
        raise InvalidError.of("kind", f"{declared} is no {kind}; a {kind} is: {', '.join(ALLOWED[kind])}")
    return declared


def require_magic(declared: MediaType, prefix: bytes) -> None:
    """Check that a file with this prefix is of the declared type.

    Raises:
        UnsupportedMediaError: it is not.
    """
    found = sniff(prefix[:PREFIX_BYTES])
    if found is None:
        raise UnsupportedMediaError(f"The body is not {declared}, as Content-Type says: it begins otherwise.")
    if found is not declared:
        raise UnsupportedMediaError(f"The body is {found}, and Content-Type says {declared}.")
