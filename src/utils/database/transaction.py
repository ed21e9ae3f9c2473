"""A transaction on one connection, with the actions to run before and after its commit."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from utils.database.connections import Connections


class Transaction:
    """One unit of work on one connection, taken from the pool at the first statement.

    Made by `Database.transaction()`, the only caller that commits it or rolls it back.
    """

    def __init__(self, connections: Connections, session: AsyncSession) -> None:
        self._connections = connections
        self.session = session
        self._before_commit: list[Callable[[], Awaitable[None]]] = []
        self._on_commit: list[Callable[[], None]] = []
        self._raw: asyncpg.Connection | None = None

    async def connection(self) -> asyncpg.Connection:
        """Return asyncpg's own connection inside this same transaction, for COPY and hot paths."""
        if self._raw is None:
            try:
                await self._begin()
            except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, ConnectionError):
                if self._raw is None or not self._is_untouched():
                    raise
                # The pooled connection had died unnoticed, and no statement ran on it: take another one.
                await self.session.invalidate()
                await self._begin()
        return self._raw

    async def _begin(self) -> None:
        pooled = await (await self.session.connection()).get_raw_connection()
        adapted: Any = pooled.dbapi_connection
        self._raw = adapted.driver_connection
        # SQLAlchemy sends BEGIN only before its own first statement; a raw one before it would autocommit.
        if adapted._transaction is None:  # noqa: SLF001
            try:
                await adapted._start_transaction()  # noqa: SLF001
            except adapted.dbapi.Error as error:
                raise error.__cause__ or error from None

    def _is_untouched(self) -> bool:
        session = self.session
        return not (session.new or session.dirty or session.deleted)

    def before_commit(self, action: Callable[[], Awaitable[None]]) -> None:
        """Run `action` inside the transaction, as the last thing before it commits."""
        self._before_commit.append(action)

    def ring_on_commit(self) -> None:
        """Wake the relay once this transaction is committed: it has published something."""
        self.on_commit(self._connections.ring)

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the transaction is durably committed; never when it is rolled back."""
        self._on_commit.append(callback)

    async def prepare(self) -> None:
        """Run the `before_commit` actions inside the transaction."""
        actions, self._before_commit = self._before_commit, []
        for action in actions:
            await action()

    async def commit(self) -> None:
        """Commit, then call the `on_commit` callbacks. Only `Database.transaction()` calls this."""
        await self.session.flush()
        await self.prepare()
        await self.session.commit()
        for callback in self._on_commit:
            callback()

    async def abandon(self, error: BaseException) -> None:
        """Roll back; after a timeout, a cancellation or a broken connection, drop the connection instead."""
        if isinstance(error, TimeoutError):
            self._connections.distrust_pool()
        if isinstance(error, TimeoutError | asyncio.CancelledError) or self._is_broken():
            if self._raw is not None:
                self._raw.terminate()
            await self.session.invalidate()
        else:
            await self.session.rollback()

    def _is_broken(self) -> bool:
        return self._raw is not None and bool(self._raw.is_closed())
