"""The probes of `/health`: one connection each, never the pool's, kept between checks."""

import asyncio

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

CONNECT_SECONDS = 0.55


class DatabaseProbe:
    """Asks PostgreSQL for `SELECT 1`.

    Args:
        dsn: `postgresql://user:password@host:port/database`.
    """

    name = "database"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None

    async def check(self) -> None:
        """Ask over the kept connection; over a new one where that has ended.

        Raises:
            Exception: whatever asyncpg raises.
        """
        if self._connection is not None and await self._kept_connection_answers():
            return
        self._connection = await asyncpg.connect(self._dsn, timeout=CONNECT_SECONDS, statement_cache_size=0)
        await self._connection.execute("SELECT 1")

    def abandon(self) -> None:
        """Drop the connection; a question under way on it ends at once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _kept_connection_answers(self) -> bool:
        assert self._connection is not None  # noqa: S101 - the caller has looked
        try:
            await self._connection.execute("SELECT 1")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            self.abandon()
            return False
        return True


class RedisProbe:
    """Asks Redis for `PING`.

    Args:
        url: `redis://:password@host:port/0`.
    """

    name = "redis"

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Redis | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def check(self) -> None:
        """Ask over the kept connection; over a new one where that has ended.

        Raises:
            RedisError: whatever redis-py raises.
        """
        if self._client is not None and await self._kept_connection_answers(self._client):
            return
        self._client = _client(self._url)
        await self._client.ping()

    def abandon(self) -> None:
        """Drop the connection; closing it goes on in the background."""
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


def _client(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_timeout=CONNECT_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        max_connections=1,
    )
