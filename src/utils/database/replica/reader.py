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
"""How long a replica may take for a whole read before the read goes to the primary."""

# The pause between two queries to the primary, and the timeout of one. Their sum is below the default bound,
# so that a hanging primary counts as lost before its last answer is too old to compare with.
PAUSE_SECONDS: Final = 0.5
ASK_SECONDS: Final = 1.0
POOL_TIMEOUT_SECONDS: Final = 0.5
LOOK_SECONDS: Final = 3.0

MOST_UNFIT: Final = 3
"""After this many unfit servers in a row, the address is left alone for a while."""

BEHIND: Final = "Behind the primary"
NO_REPLICA: Final = "Not a replica, or promoted"

# `pg_catalog.` keeps these statements out of traces: they are no part of a request's own work.
WAL_POSITION: Final = "SELECT (pg_catalog.pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint"
REPLAYED: Final = """
    SELECT pg_catalog.pg_is_in_recovery(),
           (pg_catalog.pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint
"""


class ReplicaSettings(DatabaseSettings, Protocol):
    """The part of a service's settings that the reader needs."""

    @property
    def database_read_url(self) -> SecretStr | None: ...  # noqa: D102
    @property
    def database_read_max_lag_seconds(self) -> float: ...  # noqa: D102


class ReplicaUnfitError(Exception):
    """A server answers, but reads must not use it; the text says why."""


class ReplicaReader:
    """Runs reads on a replica (or any of several behind one address), or on the primary.

    **How old an answer may be.** A background task asks the primary every half second for the end of its
    write-ahead log. A read on a replica first asks that replica how much of the log it has replayed, on the
    same connection and in the same transaction, so the check holds for whichever replica a load balancer
    chose:

    - An answer from a replica contains every commit that was acknowledged more than `max_lag` seconds
      (`DATABASE_READ_MAX_LAG_SECONDS`) before the read began. A replica that is further behind is not used.
    - While the primary does not answer (within 1 s, or half of `max_lag`), time counts as standing still at
      its last answer: a replica that had kept up until then stays readable. If only this process has lost the
      primary, commits of other processes since then may be missing.
    - Until the primary has answered for the first time, all reads go to the primary.
    - After a failover that lost commits, a replica of the *former* primary may show the lost commits until
      the new primary's log is longer. The cluster's operator (CloudNativePG, for one) rewinds or removes such
      a replica.

    **What a broken replica costs.** When a replica refuses, breaks off or hangs, each read under way loses at
    most 2 s and is then answered by the primary. The replica is left alone for 3 to 30 s; after that one
    probe at a time looks at it until it is well. When a replica lags or was promoted, the read goes to the
    primary and its connection is closed, since a new one may lead to a better server; after three such
    connections in a row the address is left alone in the same way. Reads cancelled by recovery
    (`max_standby_streaming_delay`), and reads that find the pool full, go to the primary without further
    consequence.

    Without `DATABASE_READ_URL` every read goes to the primary and nothing runs in the background.
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
        """Start watching primary and replica; until both have answered, reads go to the primary."""
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
        """Return what `work` reads in a transaction; the class says how old it may be. `work` must not write.

        When `work` raises on the replica, for whatever reason, it runs again on the primary: a row that the
        replica does not have yet may exist there.

        Raises:
            Exception: what `work` or the transaction raised on the primary.
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
            raise LookupError("the primary's last answer about the end of its log is too old")
        async with asyncio.timeout(ATTEMPT_SECONDS), replica.transaction() as transaction:
            await self._require_fit(transaction, required)
            return await work(transaction)

    async def _require_fit(self, transaction: Transaction, required: int) -> None:
        """Check that the connection's server is a replica that has replayed the log up to `required`.

        Raises:
            ReplicaUnfitError: it is not. The connection is closed: a new one may lead to another server.
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
        """Leave the replica alone for a while if `error` is the replica's fault."""
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
        """Ask the primary again and again for the end of its log; never returns."""
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
        """Probe the replica every 3 s: a dead one shows without reads, and a healed one is used again."""
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
                return  # the pool is full of reads, which judge the replica themselves
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
    """The settings of the connection to the replica; its statement timeout is at most `ATTEMPT_SECONDS`."""

    service_name: str
    database_url: SecretStr
    database_pool_size: int
    database_command_timeout_seconds: float


class _Replica(Database):
    """The connections to the replica: read-only, even if the server turns out to be a primary."""

    pool_class = ReplicaPool

    @classmethod
    def of(cls, settings: ReplicaSettings, schema: str) -> "_Replica | None":
        """Return the replica's connections; None if the settings name no replica."""
        url = settings.database_read_url
        if url is None:
            return None
        limit = min(ATTEMPT_SECONDS, settings.database_command_timeout_seconds)
        access = _Access(settings.service_name, url, settings.database_pool_size, limit)
        return cls(access, schema=schema)

    def pool_timeout_seconds(self) -> float:
        """Return half a second: a read that finds no free connection goes to the primary instead."""
        return POOL_TIMEOUT_SECONDS

    @property
    def pool(self) -> ReplicaPool:
        """The pool of connections to the replica."""
        return cast("ReplicaPool", self.engine.pool)

    async def open_connection(self, *, purpose: str = "", **server_settings: str) -> asyncpg.Connection:
        """Open one read-only connection; see `Connections.open_connection`."""
        return await super().open_connection(
            purpose=purpose or "replica", default_transaction_read_only="on", **server_settings
        )
