"""Reads a token (JWS compact serialization, RFC 7515) once: header, claims, signature; verifies nothing."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

import msgspec

from utils.auth.principal import Role
from utils.errors import UnauthorizedError

MAX_TOKEN_CHARS: Final = 16 * 1024
MAX_REASON_CHARS: Final = 200
CHALLENGE: Final = 'Bearer realm="v-factory"'

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SEGMENTS: Final = 3

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_NumericDate = Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]  # to the end of the year 9999

Part = TypeVar("Part")


class Header(msgspec.Struct, frozen=True):
    """The part of a token's header that is heeded; keys and addresses of keys in it are not."""

    alg: str
    kid: _Name | None = None
    crit: Any = msgspec.UNSET


class Claims(msgspec.Struct, frozen=True):
    """The claims of a token; all but `nbf` are required."""

    sub: _Name
    role: Role
    factories: list[UUID] | Literal["*"]
    iat: _NumericDate
    exp: _NumericDate
    iss: _Name
    aud: _Name | list[_Name]
    jti: _Name
    nbf: _NumericDate = 0


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token's parts; `signed` is what the signature is over."""

    header: Header
    claims: Claims
    signed: bytes
    signature: bytes


def read_token(token: str) -> UnverifiedToken:
    """Return the parts of a token, of which nothing is verified yet.

    Raises:
        UnauthorizedError: the token is overlong or malformed, or a claim is missing or wrong.
    """
    if len(token) > MAX_TOKEN_CHARS:
        raise invalid_token(f"The token is longer than {MAX_TOKEN_CHARS} characters.")
    parts = token.split(".")
    if len(parts) != _SEGMENTS or not all(_SEGMENT.fullmatch(part) for part in parts):
        raise malformed_token()
    try:
        header, claims, signature = (urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
    except ValueError as error:
        raise malformed_token() from error
    read_header = _decode(header, Header, "header is")
    if read_header.crit is not msgspec.UNSET:  # RFC 7515, section 4.1.11: what is critical must be understood
        raise invalid_token("The token's header names an extension that is not supported.")
    signed = token.rpartition(".")[0].encode("ascii")
    return UnverifiedToken(read_header, _decode(claims, Claims, "claims are"), signed, signature)


def invalid_token(detail: str) -> UnauthorizedError:
    """Return the 401 error for an invalid token (RFC 6750, section 3.1)."""
    challenge = f'{CHALLENGE}, error="invalid_token", error_description="{detail}"'
    return UnauthorizedError(detail, headers={"WWW-Authenticate": challenge})


def malformed_token() -> UnauthorizedError:
    """Return the 401 error for a text that is no token, or a token that nobody known has signed."""
    return invalid_token("The token is malformed or its signature is wrong.")


def _decode(text: bytes, kind: type[Part], what: str) -> Part:
    try:
        # whole, then converted: read straight into `kind`, members that it lacks are skipped unchecked
        return msgspec.convert(msgspec.json.decode(text, type=dict[str, Any]), kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
        # msgspec's text names the member (`$.exp`) and the type, and of values only an unknown role
        raise invalid_token(f"The token's {what} not valid: {_quotable(str(error))}") from error


def _quotable(text: str) -> str:
    """Return the beginning of `text`, made safe for a quoted string in a header."""
    safe = re.sub(r"[^\x20-\x7e]", "?", text.replace("\\", "").replace('"', "'"))
    return safe if len(safe) <= MAX_REASON_CHARS else safe[:MAX_REASON_CHARS] + " ..."
