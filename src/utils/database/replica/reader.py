"""Reads that may be a little old: on a read replica while it keeps up, on the primary otherwise."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar, cast

import asyncpg
import sqlalchemy.exc
from pydantic import SecretStr

from utils.database.connections import DatabaseSettings
from utils.database.engine import Database
from utils.database.faults import DATABASE_FAULTS, is_connection_fault
from utils.database.pool import ReplicaPool
from utils.database.replica.metrics import LAG, READS, expose_replica
from utils.database.replica.usage import ReplicaUsage
from utils.database.replica.wal_history import WalHistory
from utils.database.transaction import Transaction
from utils.faults import fault_of
from utils.lifecycle import heed_cancellation, supervise

T = TypeVar("T")
Work = Callable[[Transaction], Awaitable[T]]

ATTEMPT_SECONDS: Final = 2.0
"""How long a replica may take for a whole read before the primary is asked instead."""

# Between two questions to the primary, and for the answer: less than the bound together, so that a primary
# which hangs is known to be away before its last answer is too old to compare with.
PAUSE_SECONDS: Final = 0.5
ASK_SECONDS: Final = 1.0
POOL_TIMEOUT_SECONDS: Final = 0.5
LOOK_SECONDS: Final = 3.0

MOST_UNFIT: Final = 3
"""So many servers in a row that are none to read from, and the address is taken for one of none."""

BEHIND: Final = "Behind the primary"
NO_REPLICA: Final = "Not a replica, or promoted"

# Qualified, which keeps them out of traces: they belong to no request's own work.
WAL_POSITION: Final = "SELECT (pg_catalog.pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint"
REPLAYED: Final = """
    SELECT pg_catalog.pg_is_in_recovery(),
           (pg_catalog.pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint
"""


class ReplicaSettings(DatabaseSettings, Protocol):
    """What of a service's settings a reader needs."""

    @property
    def database_read_url(self) -> SecretStr | None: ...  # noqa: D102
    @property
    def database_read_max_lag_seconds(self) -> float: ...  # noqa: D102


class ReplicaUnfitError(Exception):
    """A server answers and may not be read; the text says why."""


class ReplicaReader:
    """Runs reads on a replica (or any of several behind one address), or on the primary.

    **How old an answer may be.** A background task asks the primary every half second where its log ends. A
    read on a replica begins with the question how far that one has come, on the same connection and in the
    same transaction, so it holds for whichever replica a load balancer has chosen:

    - An answer from a replica has every commit that was acknowledged more than `max_lag` seconds
      (`DATABASE_READ_MAX_LAG_SECONDS`) before the read began. A replica that cannot promise that is not read.
    - While the primary does not answer (within 1 s, or half of `max_lag`), the same holds for the moment of
      its last answer: history stays readable on a replica that had kept up, and nobody can know of commits
      after that. Where only this process has lost the primary, others' commits of that time may be missing.
    - Before the primary has answered for the first time, only the primary is read.
    - After a failover that lost commits, a replica of the *former* primary may show them until the new one
      has written past them. What runs the cluster rewinds or removes such a replica (CloudNativePG does).

    **What a broken replica costs.** One that refuses, breaks off or hangs costs the reads under way at most
    2 s each, which are answered by the primary; then it is left alone for 3 to 30 s, and looked at by one
    probe until it is well. One that lags or was promoted costs a read its connection, since a new one may
    lead to a better server; three in a row, and the address is left alone in the same way. Reads cancelled by
    recovery (`max_standby_streaming_delay`), and reads for which the pool is full, go to the primary, and
    nothing else follows from them.

    Without `DATABASE_READ_URL` every read is on the primary and nothing runs in the background.
    """

    def __init__(self, primary: Database, settings: ReplicaSettings) -> None:
        self._primary = primary
        self._history = WalHistory(settings.database_read_max_lag_seconds)
        self._pause = min(PAUSE_SECONDS, settings.database_read_max_lag_seconds / 4)
        self._patience = min(ASK_SECONDS, settings.database_read_max_lag_seconds / 2)
        self._asked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._replica = _Replica.of(settings, primary.schema)
        self._usage = ReplicaUsage()
        self._unfit_in_a_row = 0

    async def start(self) -> None:
        """Begin to watch primary and replica; until both have answered, reads are on the primary."""
        if self._replica is None:
            return
        expose_replica(self._replica.pool)
        self._tasks = [
            asyncio.create_task(supervise(name, run), name=name)
            for name, run in (("wal-position", self._follow_primary), ("read-replica", self._watch_replica))
        ]

    async def close(self) -> None:
        """Stop watching and close the connections to the replica."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._replica is not None:
            await self._replica.close()

    async def read(self, work: Work[T]) -> T:
        """Give what `work` reads in a transaction; it may be old as said above, and it must not write.

        `work` may run a second time, on the primary: after a fault of the replica, and after whatever else it
        raised there, because what a replica does not have yet may exist. So whatever is raised here was
        raised on the primary.
        """
        if self._replica is None:
            return await self._read_primary(work)
        if self._usage.usable:
            try:
                answer = await self._read_replica(self._replica, work)
            except Exception as error:  # noqa: BLE001 - the primary has the last word
                self._judge(self._replica, error)
            else:
                READS.labels("replica").inc()
                return answer
        answer = await self._read_primary(work)
        READS.labels("primary").inc()
        return answer

    async def _read_primary(self, work: Work[T]) -> T:
        async with self._primary.transaction() as transaction:
            return await work(transaction)

    async def _read_replica(self, replica: "_Replica", work: Work[T]) -> T:
        required = self._history.required(time.monotonic())
        if required is None:
            raise LookupError("the primary has not said for too long where its log ends")
        async with asyncio.timeout(ATTEMPT_SECONDS), replica.transaction() as transaction:
            await self._require_fit(transaction, required)
            return await work(transaction)

    async def _require_fit(self, transaction: Transaction, required: int) -> None:
        """Raise ReplicaUnfitError, and end the connection, where its server is none to read from now.

        A connection made anew may lead to another one.
        """
        connection = await transaction.connection()
        row = await connection.fetchrow(REPLAYED)
        replayed = int(row[1] or 0) if row is not None and row[0] else None
        LAG.set(math.nan if replayed is None else self._history.lag(time.monotonic(), replayed))
        if replayed is None or replayed < required:
            connection.terminate()
            raise ReplicaUnfitError(NO_REPLICA if replayed is None else BEHIND)
        self._unfit_in_a_row = 0

    def _judge(self, replica: "_Replica", error: Exception) -> None:
        """Leave the replica alone for a while if the error is a fault of its own."""
        if isinstance(error, ReplicaUnfitError):
            self._unfit_in_a_row += 1
            if self._unfit_in_a_row >= MOST_UNFIT:
                self._leave(replica, str(error))
        elif isinstance(error, sqlalchemy.exc.TimeoutError | ValueError):
            return  # the pool is full; or asyncpg's InterfaceError for an argument
        elif is_connection_fault(error):
            self._leave(replica, fault_of(error).value)

    def _leave(self, replica: "_Replica", reason: str) -> None:
        replica.distrust_pool()  # behind a load balancer, new connections may lead to a better one
        self._usage.leave(reason)

    async def _follow_primary(self) -> None:
        """Ask the primary where its log ends, for ever."""
        connection: asyncpg.Connection | None = None
        try:
            while True:
                heed_cancellation()
                asked_at = time.monotonic()
                try:
                    if connection is None:
                        connection = await self._primary.open_connection(purpose="wal position")
                    position = await connection.fetchval(WAL_POSITION, timeout=self._patience)
                except DATABASE_FAULTS:
                    self._history.lose()
                    if connection is not None:
                        connection.terminate()
                        connection = None
                else:
                    self._history.record(asked_at, position)
                self._asked.set()
                await asyncio.sleep(self._pause)
        finally:
            if connection is not None:
                connection.terminate()

    async def _watch_replica(self) -> None:
        """Look at the replica, for ever: so that a dead one shows without reads, and a healed one is used."""
        await self._asked.wait()
        while True:
            heed_cancellation()
            required = self._history.required(time.monotonic())
            if self._replica is not None and required is not None and not self._usage.rests:
                await self._look(self._replica, required)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, replica: "_Replica", required: int) -> None:
        began = time.monotonic()
        for _ in range(MOST_UNFIT):
            try:
                async with asyncio.timeout(ATTEMPT_SECONDS), replica.transaction() as transaction:
                    await self._require_fit(transaction, required)
            except ReplicaUnfitError as error:
                reason = str(error)
            except sqlalchemy.exc.TimeoutError:
                return  # its pool is full of reads, which tell how it is
            except DATABASE_FAULTS as error:
                LAG.set(math.nan)
                reason = fault_of(error).value
                break
            else:
                self._usage.resume(began)
                return
        self._leave(replica, reason)


@dataclass(frozen=True)
class _Access:
    """The replica's place of the settings, with a limit that suits one for which there is another."""

    service_name: str
    database_url: SecretStr
    database_pool_size: int
    database_command_timeout_seconds: float


class _Replica(Database):
    """The connections to the replica: read-only, whatever the server turns out to be."""

    pool_class = ReplicaPool

    @classmethod
    def of(cls, settings: ReplicaSettings, schema: str) -> "_Replica | None":
        """Make them where the settings name a replica."""
        url = settings.database_read_url
        if url is None:
            return None
        limit = min(ATTEMPT_SECONDS, settings.database_command_timeout_seconds)
        access = _Access(settings.service_name, url, settings.database_pool_size, limit)
        return cls(access, schema=schema)

    def pool_timeout_seconds(self) -> float:
        """Little: there is the primary to ask."""
        return POOL_TIMEOUT_SECONDS

    @property
    def pool(self) -> ReplicaPool:
        """Its pool."""
        return cast("ReplicaPool", self.engine.pool)

    async def open_connection(self, *, purpose: str = "", **server_settings: str) -> asyncpg.Connection:
        """Open one connection."""
        return await super().open_connection(
            purpose=purpose or "replica", default_transaction_read_only="on", **server_settings
        )
