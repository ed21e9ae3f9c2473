"""Bearer tokens (JWT): issued with the local secret; verified with it or with a provider's keys."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Protocol
from uuid import UUID, uuid4

import jwt
import msgspec
from jwt.exceptions import PyJWTError

from utils.auth.principal import Principal, Role
from utils.clock import Now, utc_now
from utils.errors import UnauthorizedError

MAX_TOKEN_CHARS: Final = 16 * 1024
LEEWAY_SECONDS: Final = 5.0
DEFAULT_LIFETIME: Final = timedelta(hours=12)
CHALLENGE: Final = 'Bearer realm="v-factory"'

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_NumericDate = Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]  # to the end of the year 9999


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


class KeySource(Protocol):
    """A source of verification keys."""

    algorithms: tuple[str, ...]
    generation: int

    async def find(self, kid: str | None, algorithm: str) -> Any:
        """Return the key for a token's header; None if there is none."""

    async def close(self) -> None:
        """Release the source's connections and tasks."""


class SharedSecret:
    """The local HS256 secret, one key for every token."""

    algorithms: tuple[str, ...] = ("HS256",)
    generation = 0

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    async def find(self, kid: str | None, algorithm: str) -> bytes:  # noqa: ARG002 - one key for all
        """Return the secret, whatever the token's header names."""
        return self._secret

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""


def issue_token(
    secret: bytes | str,
    *,
    subject: str,
    role: Role,
    factories: Iterable[UUID] | Literal["*"] = "*",
    lifetime: timedelta = DEFAULT_LIFETIME,
    issuer: str = "v-factory",
    audience: str = "v-factory",
    now: Now = utc_now,
) -> str:
    """Return a token signed with the local secret, valid from now for `lifetime`."""
    issued_at = int(now().timestamp())
    claims = {
        "sub": subject,
        "role": str(role),
        "factories": "*" if factories == "*" else sorted(str(factory) for factory in factories),
        "iat": issued_at,
        "exp": issued_at + int(lifetime.total_seconds()),
        "iss": issuer,
        "aud": audience,
        "jti": str(uuid4()),
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def invalid_token(detail: str) -> UnauthorizedError:
    """Return the 401 error for an invalid token (RFC 6750, section 3.1)."""
    challenge = f'{CHALLENGE}, error="invalid_token", error_description="{detail}"'
    return UnauthorizedError(detail, headers={"WWW-Authenticate": challenge})


class TokenVerifier:
    """Verifies tokens of one issuer for one audience; caches verified ones by digest until they expire."""

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        audience: str,
        now: Now = utc_now,
        cache_size: int = 4096,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._now = now
        self._cache_size = cache_size
        self._cache_generation = keys.generation
        self._verified: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._jws = jwt.PyJWS(algorithms=list(keys.algorithms))

    async def verify(self, token: str) -> Principal:
        """Return the token's principal.

        Raises:
            UnauthorizedError: the token is malformed, forged, expired, or of another issuer or audience.
            UnavailableError: the keys' provider does not answer, and no known key fits.
        """
        if len(token) > MAX_TOKEN_CHARS:
            raise invalid_token(f"The token is longer than {MAX_TOKEN_CHARS} characters.")
        now = self._now().timestamp()
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        if known is not None and now < known[1] and self._cache_generation == self._keys.generation:
            self._verified.move_to_end(digest)
            return known[0]
        claims = _read_claims(await self._verify_signature(token))
        self._check(claims, now)
        factories = None if claims.factories == "*" else frozenset(claims.factories)
        principal = Principal(claims.sub, claims.role, factories, claims.exp)
        self._remember(digest, principal, claims.exp + LEEWAY_SECONDS)
        return principal

    async def _verify_signature(self, token: str) -> bytes:
        try:
            header = self._jws.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in self._keys.algorithms:
                raise invalid_token(
                    f"The token must be signed with one of: {', '.join(self._keys.algorithms)}."
                )
            key = await self._keys.find(header.get("kid"), algorithm)
            if key is None:
                raise invalid_token("The token's signing key is not known.")
            payload: bytes = self._jws.decode(token, key, algorithms=[algorithm])
        except (PyJWTError, UnicodeError, ValueError, TypeError, RecursionError) as error:
            raise invalid_token("The token is malformed or its signature is wrong.") from error
        return payload

    def _check(self, claims: Claims, now: float) -> None:
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if now >= claims.exp + LEEWAY_SECONDS:
            raise invalid_token("The token has expired.")
        if now < max(claims.iat, claims.nbf) - LEEWAY_SECONDS:
            raise invalid_token("The token is not valid yet.")
        if claims.iss != self._issuer:
            raise invalid_token("The token is from another issuer.")
        if self._audience not in audiences:
            raise invalid_token("The token is for another audience.")

    def _remember(self, digest: bytes, principal: Principal, until: float) -> None:
        if self._cache_generation != self._keys.generation:
            self._verified.clear()
            self._cache_generation = self._keys.generation
        self._verified[digest] = (principal, until)
        if len(self._verified) > self._cache_size:
            self._verified.popitem(last=False)

    async def close(self) -> None:
        """Release the key source."""
        await self._keys.close()


def _read_claims(payload: bytes) -> Claims:
    try:
        return msgspec.json.decode(payload, type=Claims)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        # msgspec's text names the claim (`$.exp`) and the type, never the value
        raise invalid_token(f"The token's claims are not valid: {_quotable(str(error))}") from error


def _quotable(text: str) -> str:
    """Return `text` made safe for a quoted string in a header."""
    return text.replace("\\", "").replace('"', "'").encode("ascii", "replace").decode()
