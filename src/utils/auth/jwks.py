"""Public keys of an OpenID provider: fetched from its JWKS URL and kept through its outages (RFC 7517)."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx
from jwt import PyJWK

from utils.auth.key_documents import (
    ALGORITHMS,
    MAX_DOCUMENT_BYTES,
    KeyDocumentError,
    Keys,
    find_key,
    is_any_withdrawn,
    parse_jwks,
)
from utils.errors import UnavailableError
from utils.logging import logger

RETRY_SECONDS: Final = 1.0


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
        self._keys: Keys = {}
        self._fetched_at = float("-inf")
        self._attempted_at = float("-inf")
        self._failed = False
        self._refreshing: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None
        self.generation = 0
        """Rises whenever a key is withdrawn: tokens verified before must be verified again."""

    def renew(self) -> None:
        """Fetch the keys again, in the background, if they are due."""
        now = asyncio.get_running_loop().time()
        if self._keys and now - self._fetched_at > self._refresh_seconds and self._may_ask(now):
            self._refresh()

    async def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Return the key for a token's header; None if the provider does not list it.

        Raises:
            UnavailableError: the last fetch failed, and no known key fits.
        """
        key = find_key(self._keys, kid, algorithm)
        if key is not None:
            return key
        if self._refreshing is not None or self._may_ask(asyncio.get_running_loop().time()):
            await asyncio.shield(self._refresh())
            key = find_key(self._keys, kid, algorithm)
        if key is None and self._failed:
            raise UnavailableError("The token cannot be checked: the provider of its keys does not answer.")
        return key

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
        except (KeyDocumentError, httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            self._failed = True
            logger.warning("signing keys not refreshed", extra={"cause": f"{type(error).__name__}: {error}"})
        else:
            self._accept(keys)
        finally:
            self._refreshing = None

    def _accept(self, keys: Keys) -> None:
        if is_any_withdrawn(self._keys, keys):
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
                raise KeyDocumentError(f"the provider answered {response.status_code}")
            document = bytearray()
            async for chunk in response.aiter_bytes():
                document += chunk
                if len(document) > MAX_DOCUMENT_BYTES:
                    raise KeyDocumentError(f"the document is longer than {MAX_DOCUMENT_BYTES} bytes")
        return bytes(document)

    async def close(self) -> None:
        """Cancel a running refresh and close the HTTP client."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])
        if self._client is not None:
            await self._client.aclose()
