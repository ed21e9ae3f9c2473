"""Advisory locks: they decide which of several processes does a job that only one may do."""

import hashlib

import asyncpg

# For the connection that holds a lock: a process that is stopped or cut off must not keep the lock for ever.
HOLDER_SETTINGS = {
    "idle_session_timeout": "30000",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


def lock_key(name: str) -> int:
    """Return the signed 64-bit key of a named advisory lock; the same in every process and release."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


class AdvisoryLock:
    """A session-level lock held by one connection; PostgreSQL releases it when the connection ends."""

    def __init__(self, connection: asyncpg.Connection, name: str) -> None:
        self._connection = connection
        self._key = lock_key(name)

    async def try_acquire(self) -> bool:
        """Take the lock if it is free, without waiting; return whether it was taken."""
        return bool(await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", self._key))

    async def release(self) -> None:
        """Release the lock and keep the connection."""
        await self._connection.execute("SELECT pg_advisory_unlock($1)", self._key)
