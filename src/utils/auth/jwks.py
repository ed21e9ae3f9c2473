"""Public keys of an OpenID provider: fetched from its JWKS URL and kept through its outages (RFC 7517)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from utils.errors import UnavailableError
from utils.logging import logger

ALGORITHMS: Final = ("RS256", "ES256")
MIN_RSA_BITS: Final = 2048  # RFC 7518, section 3.3
MAX_DOCUMENT_BYTES: Final = 256 * 1024
RETRY_SECONDS: Final = 1.0

_ALGORITHM_OF: Final[Mapping[str, str]] = {"RSA": "RS256", "EC": "ES256"}
KeyId = tuple[str | None, str]  # (kid, algorithm)


class JwksError(Exception):
    """The provider's document could not be fetched or holds no usable key."""


def parse_jwks(document: bytes) -> dict[KeyId, PyJWK]:
    """Return the signature keys of a JWKS document by (kid, algorithm), without keys of other kinds.

    Raises:
        JwksError: the document is not a JWKS, or no key in it can verify RS256 or ES256.
    """
    try:
        listed = msgspec.json.decode(document, type=dict[str, Any]).get("keys")
    except (msgspec.DecodeError, RecursionError) as error:
        raise JwksError("the document is not a JSON object") from error
    keys: dict[KeyId, PyJWK] = {}
    for jwk in listed if isinstance(listed, list) else []:
        key = _usable_key(jwk)
        if key is not None:
            keys[key.key_id, key.algorithm_name] = key
    if not keys:
        raise JwksError("the document holds no RS256 or ES256 signature key")
    return keys


def _usable_key(jwk: Any) -> PyJWK | None:
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    algorithm = _ALGORITHM_OF.get(str(jwk.get("kty")))
    if algorithm is None or jwk.get("alg", algorithm) != algorithm:
        return None
    if algorithm == "ES256" and jwk.get("crv") != "P-256":
        return None
    if not isinstance(jwk.get("kid"), str | None):
        return None
    public = {name: value for name, value in jwk.items() if name in {"kty", "kid", "n", "e", "crv", "x", "y"}}
    try:
        key = PyJWK(public, algorithm)
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError):
        return None
    too_short = algorithm == "RS256" and key.key.key_size < MIN_RSA_BITS
    return None if too_short else key


class JwksKeys:
    """The provider's keys, refreshed after `refresh_seconds` and when a token names an unknown key.

    Tokens with unknown keys cause at most one fetch per `pause_seconds` (one per second after a failure).
    Known keys stay in use while the provider is away. Every wait ends after `timeout_seconds`.
    """

    algorithms: tuple[str, ...] = ALGORITHMS

    def __init__(
        self,
        url: str,
        *,
        refresh_seconds: float = 300,
        pause_seconds: float = 5,
        timeout_seconds: float = 3,
    ) -> None:
        self._url = url
        self._refresh_seconds = refresh_seconds
        self._pause_seconds = pause_seconds
        self._timeout_seconds = timeout_seconds
        self._keys: dict[KeyId, PyJWK] = {}
        self._fetched_at = float("-inf")
        self._attempted_at = float("-inf")
        self._failed = False
        self._refreshing: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None
        self.generation = 0
        """Rises whenever a key is withdrawn: tokens verified before must be verified again."""

    async def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Return the key for a token's header; None if the provider does not list it.

        Raises:
            UnavailableError: the last fetch failed, and no known key fits.
        """
        now = asyncio.get_running_loop().time()
        key = self._lookup(kid, algorithm)
        if key is not None:
            if now - self._fetched_at > self._refresh_seconds and self._may_ask(now):
                self._refresh()
            return key
        if self._refreshing is not None or self._may_ask(now):
            await asyncio.shield(self._refresh())
            key = self._lookup(kid, algorithm)
        if key is None and self._failed:
            raise UnavailableError("The token cannot be checked: the provider of its keys does not answer.")
        return key

    def _lookup(self, kid: str | None, algorithm: str) -> PyJWK | None:
        if kid is not None:
            return self._keys.get((kid, algorithm))
        fitting = [key for (_, name), key in self._keys.items() if name == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    def _may_ask(self, now: float) -> bool:
        pause = min(RETRY_SECONDS, self._pause_seconds) if self._failed else self._pause_seconds
        return now - self._attempted_at >= pause

    def _refresh(self) -> asyncio.Task[None]:
        if self._refreshing is None:
            self._attempted_at = asyncio.get_running_loop().time()
            self._refreshing = asyncio.create_task(self._replace_keys(), name="jwks-refresh")
        return self._refreshing

    async def _replace_keys(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                keys = parse_jwks(await self._fetch())
        except (JwksError, httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            self._failed = True
            logger.warning("signing keys not refreshed", extra={"cause": f"{type(error).__name__}: {error}"})
        else:
            self._accept(keys)
        finally:
            self._refreshing = None

    def _accept(self, keys: dict[KeyId, PyJWK]) -> None:
        if any(_material(keys.get(key_id)) != _material(key) for key_id, key in self._keys.items()):
            self.generation += 1
        self._keys = keys
        self._failed = False
        self._fetched_at = asyncio.get_running_loop().time()
        logger.info("signing keys refreshed", extra={"keys": len(keys)})

    async def _fetch(self) -> bytes:
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=self._timeout_seconds,
                # Fetches are minutes apart: a connection is not worth keeping.
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        async with self._client.stream("GET", self._url) as response:
            if response.status_code != httpx.codes.OK:
                raise JwksError(f"the provider answered {response.status_code}")
            document = bytearray()
            async for chunk in response.aiter_bytes():
                document += chunk
                if len(document) > MAX_DOCUMENT_BYTES:
                    raise JwksError(f"the document is longer than {MAX_DOCUMENT_BYTES} bytes")
        return bytes(document)

    async def close(self) -> None:
        """Cancel a running refresh and close the HTTP client."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])
        if self._client is not None:
            await self._client.aclose()


def _material(key: PyJWK | None) -> object:
    return None if key is None else key.key.public_numbers()
