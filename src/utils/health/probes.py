"""The probes of `/health`: each keeps one connection of its own, outside the pool, between checks."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

CONNECT_SECONDS = 0.55

# PostgreSQL's SSLRequest, the first message of a session: a server that accepts connections answers one byte.
_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


class DatabaseProbe:
    """Checks that PostgreSQL accepts new connections, and that it answers `SELECT 1` on a kept one.

    Both are needed: when the postmaster hangs, existing sessions still work. The connection is kept, because
    authentication by password costs both sides several milliseconds.

    Args:
        dsn: `postgresql://user:password@host:port/database`.
    """

    name = "database"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        parts = urlsplit(dsn)
        self._address = (parts.hostname, parts.port or 5432) if parts.hostname else None
        self._connection: asyncpg.Connection | None = None

    async def check(self) -> None:
        """Check over the kept connection, or over a new one if the kept one has ended.

        Raises:
            Exception: whatever asyncpg raises.
        """
        if self._connection is not None:
            await self._greet()
            if await self._kept_connection_answers(self._connection):
                return
        self._connection = await asyncpg.connect(self._dsn, timeout=CONNECT_SECONDS, statement_cache_size=0)
        await self._connection.execute("SELECT 1")

    def abandon(self) -> None:
        """Drop the connection; a check under way on it ends at once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _greet(self) -> None:
        if self._address is None:  # a Unix socket or several hosts: only the driver can connect
            return
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(_SSL_REQUEST)
            await reader.readexactly(1)
        finally:
            writer.transport.abort()

    async def _kept_connection_answers(self, connection: asyncpg.Connection) -> bool:
        try:
            await connection.execute("SELECT 1")
        except Exception:  # noqa: BLE001 - after the session has ended, asyncpg raises errors of many kinds
            self.abandon()
            return False
        return True


class RedisProbe:
    """Checks that Redis answers `PING`.

    Args:
        url: `redis://:password@host:port/0`.
    """

    name = "redis"

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Redis | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def check(self) -> None:
        """Check over the kept connection, or over a new one if the kept one has ended.

        Raises:
            RedisError, OSError: Redis does not answer.
        """
        if self._client is not None and await self._kept_connection_answers(self._client):
            return
        self._client = redis_client(self._url)
        await self._client.ping()

    def abandon(self) -> None:
        """Drop the connection; it is closed in the background."""
        client, self._client = self._client, None
        if client is not None:
            closing = asyncio.ensure_future(client.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _kept_connection_answers(self, client: Redis) -> bool:
        try:
            await client.ping()
        except (RedisError, OSError):
            self.abandon()
            return False
        return True


def redis_client(url: str) -> Redis:
    """Return a client of one connection that never retries, and waits 0.55 s at most."""
    return Redis.from_url(
        url,
        socket_timeout=CONNECT_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        max_connections=1,
    )
