"""The events that could not be handled, set aside in the consumer's database until they are tried again."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from utils.database import Database, Transaction
from utils.outbox import StoredEvent

MAX_PER_FACTORY = 100
"""With as many, the next event that cannot be handled blocks its factory instead: something else is wrong."""

COUNT = """
    SELECT count(*) FROM consumer_set_aside WHERE consumer = $1 AND publisher = $2 AND factory_id = $3
"""
ADD = """
    INSERT INTO consumer_set_aside
        (consumer, publisher, factory_id, seq, type, occurred_at, payload, trace, reason, attempts)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
OVERVIEW = """
    SELECT factory_id, count(*) AS events, coalesce(
        array_agg(seq ORDER BY seq) FILTER (WHERE retry_requested_at IS NOT NULL), '{}') AS wanted
    FROM consumer_set_aside WHERE consumer = $1 AND publisher = $2 GROUP BY factory_id
"""
READ = """
    SELECT seq, type, factory_id, occurred_at, payload, trace FROM consumer_set_aside
    WHERE consumer = $1 AND publisher = $2 AND factory_id = $3 AND seq = $4
"""
REMOVE = """
    DELETE FROM consumer_set_aside WHERE consumer = $1 AND publisher = $2 AND factory_id = $3 AND seq = $4
"""
FAIL_AGAIN = """
    UPDATE consumer_set_aside SET reason = $5, attempts = attempts + 1, retry_requested_at = NULL
    WHERE consumer = $1 AND publisher = $2 AND factory_id = $3 AND seq = $4
"""
LIST = """
    SELECT factory_id, seq, publisher, type, occurred_at, reason, attempts, set_aside_at, retry_requested_at
    FROM consumer_set_aside
    WHERE consumer = $1 AND ($2::uuid[] IS NULL OR factory_id = ANY($2))
        AND ($3::uuid IS NULL OR (factory_id, seq) > ($3, $4))
    ORDER BY factory_id, seq LIMIT $5
"""
REQUEST = """
    UPDATE consumer_set_aside SET retry_requested_at = $4
    WHERE consumer = $1 AND factory_id = $2 AND ($3::bigint IS NULL OR seq = $3)
    RETURNING factory_id, seq, publisher, type, occurred_at, reason, attempts, set_aside_at,
        retry_requested_at
"""


@dataclass(frozen=True, slots=True)
class EventSetAside:
    """An event that could not be handled: why, how often it was tried, and when people asked for a retry."""

    factory_id: UUID
    seq: int
    publisher: str
    type: str
    occurred_at: datetime
    reason: str
    attempts: int
    set_aside_at: datetime
    retry_requested_at: datetime | None


@dataclass(frozen=True, slots=True)
class FactorySetAside:
    """How many events of a factory are set aside, and which of them are to be tried again."""

    events: int
    wanted: list[int]


class SetAside:
    """The events of one publisher that one consumer has set aside."""

    def __init__(self, consumer: str, publisher: str) -> None:
        self._names = (consumer, publisher)

    async def overview(self, database: Database) -> dict[UUID, FactorySetAside]:
        """Return all factories with events set aside."""
        async with database.transaction() as transaction:
            rows = await (await transaction.connection()).fetch(OVERVIEW, *self._names)
        return {row["factory_id"]: FactorySetAside(row["events"], row["wanted"]) for row in rows}

    async def add(self, transaction: Transaction, event: StoredEvent, reason: str, attempts: int) -> bool:
        """Set an event aside; return False, and do nothing, if the factory has too many already."""
        connection = await transaction.connection()
        if await connection.fetchval(COUNT, *self._names, event.factory_id) >= MAX_PER_FACTORY:
            return False
        about = (event.factory_id, event.seq, event.type, event.at, bytes(event.payload), event.trace)
        await connection.execute(ADD, *self._names, *about, reason, attempts)
        return True

    async def read(self, database: Database, factory_id: UUID, seq: int) -> StoredEvent | None:
        """Return an event; None if it is not set aside."""
        async with database.transaction() as transaction:
            row = await (await transaction.connection()).fetchrow(READ, *self._names, factory_id, seq)
        return None if row is None else _to_event(row)

    async def remove(self, transaction: Transaction, factory_id: UUID, seq: int) -> int:
        """Forget an event, which has been handled; return how many of its factory are left."""
        connection = await transaction.connection()
        await connection.execute(REMOVE, *self._names, factory_id, seq)
        return int(await connection.fetchval(COUNT, *self._names, factory_id))

    async def fail_again(self, transaction: Transaction, factory_id: UUID, seq: int, reason: str) -> None:
        """Note that another attempt has failed."""
        await (await transaction.connection()).execute(FAIL_AGAIN, *self._names, factory_id, seq, reason)


class SetAsideList:
    """The events that a consumer has set aside, for people: of all its publishers."""

    def __init__(self, transaction: Transaction, consumer: str) -> None:
        self._transaction = transaction
        self._consumer = consumer

    async def list_after(
        self, factories: list[UUID] | None, after: tuple[UUID, int] | None, limit: int
    ) -> list[EventSetAside]:
        """Return events by factory and seq, after those of `after`; of all factories if None are given."""
        connection = await self._transaction.connection()
        factory_id, seq = (None, 0) if after is None else after
        rows = await connection.fetch(LIST, self._consumer, factories, factory_id, seq, limit)
        return [EventSetAside(**row) for row in rows]

    async def request_retry(self, factory_id: UUID, seq: int | None, now: datetime) -> list[EventSetAside]:
        """Ask for another attempt at an event, or at all events of the factory; return them."""
        connection = await self._transaction.connection()
        rows = await connection.fetch(REQUEST, self._consumer, factory_id, seq, now)
        return sorted((EventSetAside(**row) for row in rows), key=lambda event: event.seq)


def _to_event(row: asyncpg.Record) -> StoredEvent:
    return StoredEvent(
        seq=row["seq"],
        type=row["type"],
        factory_id=row["factory_id"],
        at=row["occurred_at"],
        payload=msgspec.Raw(row["payload"]),
        trace=row["trace"],
    )
