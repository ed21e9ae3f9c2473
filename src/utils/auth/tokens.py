"""Verifies bearer tokens (JWT) of the issuers that a service trusts."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from jwt import PyJWK

from utils.auth.jws import Claims, UnverifiedToken, invalid_token, malformed_token, read_token
from utils.auth.principal import Principal, Role
from utils.clock import Now, utc_now

LEEWAY_SECONDS: Final = 5.0


class KeySource(Protocol):
    """A source of verification keys."""

    algorithms: tuple[str, ...]
    generation: int
    """Rises whenever a key is withdrawn: tokens verified before must be verified again."""

    def renew(self) -> None:
        """Look for changed keys if that is due; called for each token, so it never waits."""

    async def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Return the key for a token's header; None if there is none."""

    async def close(self) -> None:
        """Release the source's connections and tasks."""


class SharedSecret:
    """The deprecated HS256 secret, one key for every token."""

    algorithms: tuple[str, ...] = ("HS256",)
    generation = 0

    def __init__(self, secret: bytes) -> None:
        encoded = urlsafe_b64encode(secret).rstrip(b"=").decode()
        self._key = PyJWK({"kty": "oct", "k": encoded}, "HS256")

    def renew(self) -> None:
        """Do nothing: a secret is read when the process starts."""

    async def find(self, kid: str | None, algorithm: str) -> PyJWK:  # noqa: ARG002 - one key for all
        """Return the secret, whatever the token's header names."""
        return self._key

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""


@dataclass(frozen=True)
class Issuer:
    """A trusted issuer of tokens.

    Args:
        name: the `iss` of its tokens.
        audience: must be in the `aud` of its tokens.
        keys: verify its tokens, and nobody else's.
        roles: the roles that it may grant.
    """

    name: str
    audience: str
    keys: KeySource
    roles: frozenset[Role] = frozenset(Role)


@dataclass(frozen=True, slots=True)
class _Verified:
    principal: Principal
    until: float
    keys: KeySource
    generation: int


class TokenVerifier:
    """Verifies tokens of some issuers; remembers verified ones by digest until they expire."""

    def __init__(self, issuers: Iterable[Issuer], *, now: Now = utc_now, cache_size: int = 4096) -> None:
        self.issuers = {issuer.name: issuer for issuer in issuers}
        self._now = now
        self._cache_size = cache_size
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Return the token's principal.

        Raises:
            UnauthorizedError: the token is malformed, forged, expired, of an unknown issuer, for another
                audience, or of a role that its issuer may not grant.
            UnavailableError: the keys' provider does not answer, and no known key fits.
        """
        now = self._now().timestamp()
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        if known is not None:
            known.keys.renew()
            if now < known.until and known.generation == known.keys.generation:
                self._verified.move_to_end(digest)
                return known.principal
        read = read_token(token)
        issuer = self.issuers.get(read.claims.iss)
        if issuer is None:
            raise invalid_token("The token is from another issuer.")
        issuer.keys.renew()
        generation = issuer.keys.generation
        await _check_signature(read, issuer)
        claims = read.claims
        _check_claims(claims, issuer, now)
        factories = None if claims.factories == "*" else frozenset(claims.factories)
        principal = Principal(claims.sub, claims.role, factories, claims.exp)
        self._remember(digest, _Verified(principal, claims.exp + LEEWAY_SECONDS, issuer.keys, generation))
        return principal

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        self._verified[digest] = verified
        self._verified.move_to_end(digest)
        if len(self._verified) > self._cache_size:
            self._verified.popitem(last=False)

    async def close(self) -> None:
        """Release the key sources."""
        for issuer in self.issuers.values():
            await issuer.keys.close()


async def _check_signature(token: UnverifiedToken, issuer: Issuer) -> None:
    algorithm = token.header.alg
    if algorithm not in issuer.keys.algorithms:
        raise invalid_token(f"The token must be signed with one of: {', '.join(issuer.keys.algorithms)}.")
    key = await issuer.keys.find(token.header.kid, algorithm)
    if key is None:
        raise invalid_token("The token's signing key is not known.")
    if not key.Algorithm.verify(token.signed, key.key, token.signature):
        raise malformed_token()


def _check_claims(claims: Claims, issuer: Issuer, now: float) -> None:
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if now >= claims.exp + LEEWAY_SECONDS:
        raise invalid_token("The token has expired.")
    if now < max(claims.iat, claims.nbf) - LEEWAY_SECONDS:
        raise invalid_token("The token is not valid yet.")
    if issuer.audience not in audiences:
        raise invalid_token("The token is for another audience.")
    if claims.role not in issuer.roles:
        raise invalid_token(f"The token's issuer may not grant the role {claims.role}.")
