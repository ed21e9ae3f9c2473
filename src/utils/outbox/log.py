"""Reads the history of events in PostgreSQL, for streams that lost events and clients that missed some."""

from collections.abc import Collection
from uuid import UUID

import asyncpg
import msgspec

from utils.database import Database
from utils.outbox.event import StoredEvent

PAGE_BYTES = 8 * 1024 * 1024

# The first event is always read, however large; then as many as fit into the bytes.
READ = """
    SELECT seq, type, factory_id, occurred_at, payload, trace
    FROM (
        SELECT seq, type, factory_id, occurred_at, payload, trace,
               sum(octet_length(payload)) OVER (ORDER BY seq) - octet_length(payload) AS bytes_before
        FROM (
            SELECT * FROM outbox WHERE factory_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
        ) AS page
    ) AS measured
    WHERE bytes_before < $4
    ORDER BY seq
"""
HEAD = "SELECT seq FROM outbox_heads WHERE factory_id = $1"
# One statement, so that both hold for the same moment.
EXTENT = """
    SELECT coalesce((SELECT min(seq) FROM outbox WHERE factory_id = $1), head + 1) AS oldest, head
    FROM (SELECT coalesce(max(seq), 0) AS head FROM outbox_heads WHERE factory_id = $1) AS newest
"""
HEADS = """
    SELECT factory_id, seq FROM outbox_heads
    WHERE ($1::uuid IS NULL OR factory_id > $1) AND ($3::uuid[] IS NULL OR factory_id = ANY($3))
    ORDER BY factory_id LIMIT $2
"""


class EventLog:
    """Reads one service's events by factory and seq; events without a seq are not visible here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(
        self, factory_id: UUID, after_seq: int, limit: int, *, max_bytes: int = PAGE_BYTES
    ) -> list[StoredEvent]:
        """Return the events after `after_seq` in order: at most `limit`, and about `max_bytes` of payload."""
        async with self._database.transaction() as transaction:
            connection = await transaction.connection()
            rows = await connection.fetch(READ, factory_id, after_seq, limit, max_bytes)
        return [to_event(row) for row in rows]

    async def head(self, factory_id: UUID) -> int:
        """Return the newest seq of a factory; 0 if it has no events."""
        async with self._database.transaction() as transaction:
            return await (await transaction.connection()).fetchval(HEAD, factory_id) or 0

    async def extent(self, factory_id: UUID) -> tuple[int, int]:
        """Return the oldest seq still kept, one more than the newest if none is, and the newest."""
        async with self._database.transaction() as transaction:
            row = await (await transaction.connection()).fetchrow(EXTENT, factory_id)
        return row["oldest"], row["head"]

    async def heads(
        self, after: UUID | None, limit: int, *, factories: Collection[UUID] | None = None
    ) -> list[tuple[UUID, int]]:
        """Return a page of (factory, newest seq), ordered by factory, after the factory `after`.

        Only of these factories; of all if `factories` is None.
        """
        wanted = None if factories is None else list(factories)
        async with self._database.transaction() as transaction:
            rows = await (await transaction.connection()).fetch(HEADS, after, limit, wanted)
        return [(row["factory_id"], row["seq"]) for row in rows]


def to_event(row: asyncpg.Record) -> StoredEvent:
    """Return the event of an outbox row."""
    return StoredEvent(
        seq=row["seq"],
        type=row["type"],
        factory_id=row["factory_id"],
        at=row["occurred_at"],
        payload=msgspec.Raw(row["payload"]),
        trace=row["trace"],
    )
