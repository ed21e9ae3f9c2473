"""Divides a consumer's partitions among its processes; PostgreSQL's locks are the only record."""

import hashlib
from collections.abc import Awaitable, Callable, Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from utils.database import lock_key

TRY_ACQUIRE = """
    SELECT number FROM unnest($1::int[], $2::bigint[]) AS wanted (number, key)
    WHERE pg_try_advisory_lock(key)
"""
RELEASE = "SELECT pg_advisory_unlock(key) FROM unnest($1::bigint[]) AS held (key)"
JOIN = "SELECT pg_advisory_lock_shared($1)"
# `pg_locks` shows a 64-bit key as two halves. Members are distinguished and ordered by their sessions' pids.
MEMBERS = """
    SELECT count(*) AS members, count(*) FILTER (WHERE pid < pg_backend_pid()) AS before
    FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = $1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

StopWork = Callable[[Collection[int]], Awaitable[None]]


def partition_of(factory_id: UUID, partitions: int) -> int:
    """Return the number, from 0, of a factory's partition; the same in every process and release."""
    digest = hashlib.blake2b(factory_id.bytes, digest_size=8).digest()
    return int.from_bytes(digest, "big") % partitions


@dataclass(frozen=True)
class Membership:
    """How many processes share the work, and how many of them are ordered before this process."""

    members: int
    before: int

    def quota(self, partitions: int) -> int:
        """Return how many partitions this member holds; all members' quotas add up to `partitions`."""
        least, rest = divmod(partitions, self.members)
        return least + (self.before < rest)


class PartitionShare:
    """The partitions of this process, whose locks one connection holds.

    Every process of a consumer also holds a shared lock, so that each can count the processes and take an
    even part. A partition belongs to one process at a time. A process that dies, hangs or is cut off loses
    its session; the others notice and take over its partitions.
    """

    def __init__(self, connection: asyncpg.Connection, name: str, partitions: int) -> None:
        self._connection = connection
        self._partitions = partitions
        self._member_key = lock_key(f"{name}, member")
        self._keys = [lock_key(f"{name}, partition {number} of {partitions}") for number in range(partitions)]
        self._held: set[int] = set()
        self.members = 0

    @property
    def held(self) -> AbstractSet[int]:
        """The numbers of the partitions that this process holds."""
        return self._held

    async def join(self) -> None:
        """Join the processes that share the partitions."""
        await self._connection.execute(JOIN, self._member_key)

    async def balance(self, stop_work: StopWork) -> set[int]:
        """Take free partitions up to this process's quota, or release those beyond it; return those taken.

        `stop_work` ends the work on partitions before their locks are released.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError: the connection failed; every lock may be lost.
        """
        row = await self._connection.fetchrow(MEMBERS, self._member_key)
        membership = Membership(row["members"], row["before"])
        self.members = membership.members
        quota = membership.quota(self._partitions)
        if len(self._held) > quota:
            await self._give_back(sorted(self._held)[quota:], stop_work)
        return await self._take(quota - len(self._held))

    async def _give_back(self, numbers: Collection[int], stop_work: StopWork) -> None:
        await stop_work(numbers)
        self._held.difference_update(numbers)
        await self._connection.execute(RELEASE, [self._keys[number] for number in numbers])

    async def _take(self, missing: int) -> set[int]:
        """Take and return up to `missing` free partitions, trying no more at once than are still missing."""
        taken: set[int] = set()
        candidates = [number for number in range(self._partitions) if number not in self._held]
        while candidates and len(taken) < missing:
            tried, candidates = candidates[: missing - len(taken)], candidates[missing - len(taken) :]
            rows = await self._connection.fetch(TRY_ACQUIRE, tried, [self._keys[number] for number in tried])
            taken.update(row["number"] for row in rows)
        self._held.update(taken)
        return taken
