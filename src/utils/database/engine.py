"""One process's connection pool to PostgreSQL: bounded in size, and in how long anything waits for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from utils.database.connections import Connections, DatabaseSettings
from utils.database.pool import MeasuredPool
from utils.database.schema import SchemaGuard
from utils.database.transaction import Transaction

POOL_TIMEOUT_SECONDS = 5.0
CLOSE_TIMEOUT_SECONDS = 1.0


class Database(Connections):
    """The connections of one process to one service's schema.

    Every wait ends: connecting after 3 s, waiting for a pooled connection after 5 s, a statement after
    `database_command_timeout_seconds` (8 s), also when the server is stopped (SIGSTOP).
    A connection that timed out or broke is dropped without waiting for the server, and so is every pooled
    connection opened before that moment: one fault fails at most the requests that were under way.
    """

    pool_class: ClassVar[type[AsyncAdaptedQueuePool]] = MeasuredPool

    def __init__(self, settings: DatabaseSettings, *, schema: str) -> None:
        super().__init__(settings, schema=schema)
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
        """Return how many seconds a transaction waits for a pooled connection."""
        return POOL_TIMEOUT_SECONDS

    async def close(self) -> None:
        """Close every connection; drop those that the server does not close within 1 s."""
        await self._guard.close()
        if self.bell is not None:
            await self.bell.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await self.engine.dispose()
        except TimeoutError:
            self.terminate_all()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Yield a transaction: committed at the end of the block, rolled back when the block raises.

        This is the only place that commits. A commit whose acknowledgement is lost may have happened.

        Raises:
            ConnectionResetError: the server broke off in the middle of an answer.
            asyncpg.PostgresError, sqlalchemy.exc.SQLAlchemyError, OSError, TimeoutError: another fault of the
                server or the network.
            SchemaOutdatedError: the schema, checked late, is older than this release.
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
        """Check that the schema is at revision `head` or newer.

        A newer schema is logged as a WARNING: during a rollout the previous release runs on it.

        An unreachable database does not stop the start: the check is retried until the database answers, and
        the process then exits with code 78 and the error's message if the schema is outdated.

        Raises:
            SchemaOutdatedError: the schema is older.
        """
        await self._guard.require(head)

    def _refuse_dead(self, connection: Any, record: Any, _proxy: Any) -> None:
        driver = connection.driver_connection
        born = record.info.setdefault("born", time.monotonic())
        if driver.is_closed() or not self.is_trusted(born):
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
