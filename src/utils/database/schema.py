"""Keeps a process from working on a schema older than its release."""

import asyncio
import logging
import os
import time
from typing import ClassVar

import asyncpg

from utils.database.connections import Connections
from utils.database.faults import DATABASE_FAULTS
from utils.lifecycle import heed_cancellation
from utils.logging import logger

RETRY_SECONDS = 1.0
TELL_SECONDS = 30.0
EX_CONFIG = 78


class SchemaOutdatedError(Exception):
    """The database's schema is older than this release."""

    exit_code: ClassVar[int] = EX_CONFIG


NOT_YET: tuple[type[Exception], ...] = (*DATABASE_FAULTS, SchemaOutdatedError)


class SchemaGuard:
    """Checks the schema's revision, at once or as soon as the database answers.

    Revisions are four-digit numbers, so they sort as text.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._head: str | None = None
        self._waiting: asyncio.Task[None] | None = None

    async def require(self, head: str) -> None:
        """Check at once; if the database is unreachable, retry in the background until it answers.

        Raises:
            SchemaOutdatedError: the schema is older than `head`.
        """
        self._head = head
        try:
            await self._check()
        except DATABASE_FAULTS as error:
            logger.warning(
                "the database cannot be reached; its schema is checked as soon as it can",
                extra={"error": type(error).__name__},
            )
            self._waiting = asyncio.create_task(self._wait(), name="schema-check")

    async def reach(self, head: str) -> None:
        """Wait until the schema is at `head` or newer, without a limit; log the reason every 30 s."""
        self._head = head
        told = float("-inf")
        while True:
            try:
                return await self._check()
            except NOT_YET as error:
                if time.monotonic() - told >= TELL_SECONDS:
                    told = time.monotonic()
                    logger.info("waiting for the schema", extra={"needed": head, "error": _reason(error)})
            await asyncio.sleep(RETRY_SECONDS)

    async def admit(self) -> None:
        """Check again while the first check is still pending; called before each transaction.

        Raises:
            SchemaOutdatedError: the schema is older than the release needs.
            OSError, TimeoutError, asyncpg.PostgresError: the database is still unreachable.
        """
        if self._waiting is not None:
            await self._check()

    async def close(self) -> None:
        """Stop the background check."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def _wait(self) -> None:
        while True:
            heed_cancellation()
            await asyncio.sleep(RETRY_SECONDS)
            try:
                await self._check()
            except DATABASE_FAULTS:
                continue
            except SchemaOutdatedError as error:
                logger.critical("%s", error)
                logging.shutdown()
                os._exit(EX_CONFIG)
            self._waiting = None
            return

    async def _check(self) -> None:
        connection = await self._connections.open_connection(purpose="schema check")
        try:
            current = await self._revision(connection)
        finally:
            connection.terminate()
        if current is None or self._head is None or current < self._head:
            raise SchemaOutdatedError(
                f"the schema {self._connections.schema} is at revision {current or 'none'}, this release "
                f"needs {self._head}: run the service's `migrate` command first"
            )
        if current > self._head:
            logger.warning(
                "the schema is newer than this release",
                extra={"schema": self._connections.schema, "revision": current, "needed": self._head},
            )

    async def _revision(self, connection: asyncpg.Connection) -> str | None:
        try:
            revision = await connection.fetchval("SELECT version_num FROM alembic_version")
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            return None
        return None if revision is None else str(revision)


def _reason(error: Exception) -> str:
    """Return an outdated schema's text, but only the type of a driver's error: its text may name hosts."""
    return str(error) if isinstance(error, SchemaOutdatedError) else type(error).__name__
