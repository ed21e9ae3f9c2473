"""One process's connections to PostgreSQL: bounded in number, in waiting and in hanging."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Protocol
from weakref import WeakSet

import asyncpg
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from utils.database.pool import MeasuredPool
from utils.database.schema import SchemaGuard
from utils.database.transaction import Transaction

CONNECT_TIMEOUT_SECONDS = 3.0
POOL_TIMEOUT_SECONDS = 5.0
CLOSE_TIMEOUT_SECONDS = 1.0
LOCK_TIMEOUT_SECONDS = 5.0
IDLE_IN_TRANSACTION_SECONDS = 30.0


class DatabaseSettings(Protocol):
    """What of a service's settings the database needs."""

    @property
    def service_name(self) -> str: ...  # noqa: D102
    @property
    def database_url(self) -> SecretStr: ...  # noqa: D102
    @property
    def database_pool_size(self) -> int: ...  # noqa: D102
    @property
    def database_command_timeout_seconds(self) -> float: ...  # noqa: D102


class Bell(Protocol):
    """What is rung after a commit that published something."""

    def ring(self) -> None:
        """Tell the relay; never waits, never raises."""

    async def close(self) -> None:
        """Let a ring under way end."""


class Database:
    """The connections of one process to one service's schema.

    Nothing here waits for ever: ≤ 3 s for a connection to be made, ≤ 5 s for one of the pool, and
    `database_command_timeout_seconds` (8 s) for a statement, also when the server is stopped (SIGSTOP).
    A connection that timed out or broke is dropped without asking the server, and with it every other
    connection of that age, so that one fault costs at most the requests that were in it.
    """

    pool_class: ClassVar[type[AsyncAdaptedQueuePool]] = MeasuredPool

    def __init__(self, settings: DatabaseSettings, *, schema: str) -> None:
        self.schema = schema
        self.bell: Bell | None = None
        self._settings = settings
        self._stale_before = 0.0
        self._opened: WeakSet[asyncpg.Connection] = WeakSet()
        self._guard = SchemaGuard(self)
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self.open_connection,
            poolclass=self.pool_class,
            pool_size=settings.database_pool_size,
            max_overflow=0,
            pool_timeout=self.pool_timeout_seconds(),
        )
        event.listen(self.engine.sync_engine, "checkout", self._refuse_dead)
        event.listen(self.engine.sync_engine, "handle_error", self._drop_hung)

    def pool_timeout_seconds(self) -> float:
        """How long a transaction waits for a connection of the pool."""
        return POOL_TIMEOUT_SECONDS

    async def open_connection(self, *, purpose: str = "", **server_settings: str) -> asyncpg.Connection:
        """Open a connection outside the pool, for who holds one for long (a relay, a lock).

        Raises OSError, TimeoutError or asyncpg's errors when the server cannot be had in 3 s.
        """
        timeout = self._settings.database_command_timeout_seconds
        connection = await asyncpg.connect(
            self._settings.database_url.get_secret_value(),
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=timeout,
            server_settings={
                "application_name": f"{self._settings.service_name} {purpose}".strip(),
                "search_path": '"' + self.schema.replace('"', '""') + '"',
                "statement_timeout": _milliseconds(timeout),
                "lock_timeout": _milliseconds(LOCK_TIMEOUT_SECONDS),
                "idle_in_transaction_session_timeout": _milliseconds(IDLE_IN_TRANSACTION_SECONDS),
                "timezone": "UTC",
                "jit": "off",  # compiling costs more than any of our statements take
                **server_settings,
            },
        )
        self._opened.add(connection)
        return connection

    async def close(self) -> None:
        """Close every connection; a server that does not answer is not waited for."""
        await self._guard.close()
        if self.bell is not None:
            await self.bell.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await self.engine.dispose()
        except TimeoutError:
            for connection in list(self._opened):
                connection.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction: committed at the end of the block, rolled back when it raises.

        The only place that commits. Raises what the server or the network raised; a commit whose
        acknowledgement is lost may have happened.
        """
        await self._guard.admit()
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            transaction = Transaction(self, session)
            try:
                yield transaction
                await transaction.commit()
            except asyncpg.InternalClientError as error:
                await transaction.abandon(error)
                raise ConnectionResetError("the server broke off in the middle of an answer") from error
            except BaseException as error:
                await transaction.abandon(error)
                raise

    async def require_current_schema(self, head: str) -> None:
        """Refuse to work on a schema older than revision `head`: raises SchemaOutdatedError.

        A newer one is what a rollout under way looks like to the release before it: a WARNING.

        An unreachable database stops nothing: it is asked again until it answers, and the process
        ends with the same message (exit code 78) if its schema turns out to be outdated then.
        """
        await self._guard.require(head)

    def ring(self) -> None:
        """Tell the relay that events were committed; without a bell it finds them by polling."""
        if self.bell is not None:
            self.bell.ring()

    def distrust_pool(self) -> None:
        """Use no pooled connection made before now: the server hung or broke one of them."""
        self._stale_before = time.monotonic()

    def _refuse_dead(self, connection: Any, record: Any, _proxy: Any) -> None:
        driver = connection.driver_connection
        born = record.info.setdefault("born", time.monotonic())
        if driver.is_closed() or born < self._stale_before:
            driver.terminate()
            raise DisconnectionError("the connection is no longer trusted")

    def _drop_hung(self, context: ExceptionContext) -> None:
        error = context.original_exception
        if not isinstance(error, TimeoutError | asyncio.CancelledError) or context.connection is None:
            return
        if isinstance(error, TimeoutError):
            self.distrust_pool()
        context.is_disconnect = True
        pooled = context.connection.connection
        if pooled.driver_connection is not None:
            pooled.driver_connection.terminate()


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
