"""Cursors: opaque keys after which the next page of a list begins."""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from utils.errors import InvalidError

MAX_CURSOR_LENGTH = 1024

CursorPart = str | int | float | datetime | UUID
_BAD_CURSOR = "is not a cursor of this list; use `next_cursor` of the page before, or leave it out"


def encode_cursor(*parts: CursorPart) -> str:
    """Return the key of a page's last row as an opaque, URL-safe string."""
    plain = [part if isinstance(part, str | int | float) else _text(part) for part in parts]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *types: type[CursorPart]) -> tuple[Any, ...]:
    """Return the key in a cursor, whose parts are of exactly these types.

    Raises:
        InvalidError: the text is not a cursor, or not one of this list.
    """
    try:
        parts = _parts(cursor)
        return tuple(_PARSERS[kind](part) for kind, part in zip(types, parts, strict=True))
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise InvalidError.of("cursor", _BAD_CURSOR) from error


def _text(part: datetime | UUID) -> str:
    return part.isoformat() if isinstance(part, datetime) else str(part)


def _parts(cursor: str) -> list[Any]:
    if len(cursor) > MAX_CURSOR_LENGTH:
        raise ValueError(cursor[:20])
    raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    parts = json.loads(raw, parse_constant=_refuse)
    if not isinstance(parts, list):
        raise TypeError(type(parts))
    return parts


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _string(part: Any) -> str:
    if not isinstance(part, str) or "\x00" in part:
        raise ValueError(part)
    part.encode()  # refuses lone surrogates, which PostgreSQL cannot hold either
    return part


def _integer(part: Any) -> int:
    if type(part) is not int or abs(part) >= 2**63:
        raise ValueError(part)
    return part


def _float(part: Any) -> float:
    if type(part) not in (int, float):
        raise ValueError(part)
    return float(part)


def _time(part: Any) -> datetime:
    time = datetime.fromisoformat(_string(part))
    if time.tzinfo is None:
        raise ValueError(part)
    return time


def _uuid(part: Any) -> UUID:
    return UUID(_string(part))


_PARSERS: dict[type, Callable[[Any], Any]] = {
    str: _string,
    int: _integer,
    float: _float,
    datetime: _time,
    UUID: _uuid,
}
