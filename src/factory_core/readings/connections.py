"""The connections on which batches are written: asyncpg's own, without a layer between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from utils.database import Database

_ROLLBACK_SECONDS = 1.0


class IngestConnections:
    """As many connections as there are writers at a time, kept open between batches.

    A session of the ORM costs as much as writing a small batch does; nothing else writes through here. What
    happens inside `transaction()` is committed at the end of the block, and by nothing else.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: list[asyncpg.Connection] = []

    @asynccontextmanager
    async def transaction(self, *, lock_seconds: float | None = None) -> AsyncIterator[asyncpg.Connection]:
        """Open a transaction: committed at the end of the block, rolled back when it raises.

        It waits for another transaction's lock at most `lock_seconds`, by default as long as any of the
        kit's does, and raises asyncpg.LockNotAvailableError then. Raises what the server or the network
        raised; a commit whose answer is lost may have happened.
        """
        async with self.connection() as connection:
            patience = "" if lock_seconds is None else f"; SET LOCAL lock_timeout = '{lock_seconds}s'"
            await connection.execute(f"BEGIN{patience}")
            yield connection
            await connection.execute("COMMIT")

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection on which each statement is a transaction of its own."""
        connection = await self._take()
        try:
            yield connection
        except asyncpg.PostgresError:
            await self._give_back_clean(connection)
            raise
        except TimeoutError:
            connection.terminate()
            self.close()  # the server hangs: on the others as well
            raise
        except Exception as error:
            ended = connection.is_closed()
            connection.terminate()
            if ended:  # in the middle of a statement asyncpg raises also what is not its own
                raise ConnectionResetError("the session ended") from error
            raise
        except BaseException:
            connection.terminate()
            raise
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Close what nobody uses; the server is not waited for."""
        while self._idle:
            self._idle.pop().terminate()

    async def _take(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await self._database.open_connection(purpose="ingest")

    async def _give_back_clean(self, connection: asyncpg.Connection) -> None:
        """Leave nothing of a failed transaction behind; a connection that cannot is dropped."""
        try:
            if connection.is_in_transaction():
                await connection.execute("ROLLBACK", timeout=_ROLLBACK_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection.terminate()
        else:
            self._idle.append(connection)
