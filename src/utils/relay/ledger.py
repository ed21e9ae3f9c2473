"""The relay's SQL: numbers events, reads them again, stores how far they are published, and purges them."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg

from utils.outbox import StoredEvent
from utils.outbox.log import READ, to_event

BATCH_EVENTS = 500
BATCH_BYTES = 4 * 1024 * 1024

# One statement, so that events are numbered and their head moves together, or neither.
SEQUENCE = """
    WITH pending AS (
        SELECT id, factory_id, octet_length(payload) AS bytes
        FROM outbox WHERE seq IS NULL ORDER BY id LIMIT $1
    ), batch AS MATERIALIZED (
        SELECT id, factory_id,
               row_number() OVER (PARTITION BY factory_id ORDER BY id) AS place,
               count(*) OVER (PARTITION BY factory_id) AS size
        FROM (SELECT *, sum(bytes) OVER (ORDER BY id) - bytes AS bytes_before FROM pending) AS measured
        WHERE bytes_before < $2
    ), advanced AS (
        INSERT INTO outbox_heads AS head (factory_id, seq)
        SELECT factory_id, max(size) FROM batch GROUP BY factory_id
        ON CONFLICT (factory_id) DO UPDATE SET seq = head.seq + excluded.seq
        RETURNING factory_id, seq
    )
    UPDATE outbox SET seq = advanced.seq - batch.size + batch.place
    FROM batch JOIN advanced USING (factory_id)
    WHERE outbox.id = batch.id
    RETURNING outbox.factory_id, outbox.seq, type, occurred_at, payload, trace
"""
HEADS = """
    SELECT factory_id, seq, published_seq FROM outbox_heads
    WHERE $1::uuid IS NULL OR factory_id > $1 ORDER BY factory_id LIMIT $2
"""
# The seq after which a lost stream starts again: at most $2 events and about $3 bytes before the head.
TAIL_START = """
    SELECT coalesce(min(seq) - 1, 0) FROM (
        SELECT seq, sum(octet_length(payload)) OVER (ORDER BY seq DESC) - octet_length(payload) AS bytes_after
        FROM (SELECT seq, payload FROM outbox WHERE factory_id = $1 AND seq IS NOT NULL
              ORDER BY seq DESC LIMIT $2) AS newest
    ) AS measured WHERE bytes_after < $3
"""
REMEMBER = """
    UPDATE outbox_heads SET published_seq = news.seq
    FROM unnest($1::uuid[], $2::bigint[]) AS news (factory_id, seq)
    WHERE outbox_heads.factory_id = news.factory_id AND outbox_heads.published_seq < news.seq
"""
PURGE = """
    DELETE FROM outbox WHERE id IN (
        SELECT oldest.id
        FROM (SELECT id, factory_id, seq, created_at FROM outbox ORDER BY id LIMIT $2) AS oldest
        JOIN outbox_heads USING (factory_id)
        WHERE oldest.seq <= published_seq AND created_at < clock_timestamp() - $1::interval
    )
"""
BACKLOG = """
    SELECT unsequenced.events + unpublished.events AS events,
           coalesce(extract(epoch FROM clock_timestamp() - least(unsequenced.oldest, unpublished.oldest)),
                    0)::float8 AS age
    FROM (SELECT count(*) AS events, min(created_at) AS oldest FROM outbox WHERE seq IS NULL) AS unsequenced,
         (SELECT coalesce(sum(heads.seq - published_seq), 0)::bigint AS events, min(created_at) AS oldest
          FROM outbox_heads AS heads
          LEFT JOIN outbox ON outbox.factory_id = heads.factory_id AND outbox.seq = published_seq + 1
          WHERE published_seq < heads.seq) AS unpublished
"""


@dataclass(frozen=True)
class Head:
    """The newest seq of one factory, and the newest that is known to be published."""

    factory_id: UUID
    seq: int
    published_seq: int


@dataclass(frozen=True)
class Backlog:
    """Committed events that are not in a stream yet: their number, and the age of the oldest in seconds."""

    events: int
    age_seconds: float


class Ledger:
    """The relay's statements, run on the one connection that holds its lock."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def sequence(self) -> dict[UUID, list[StoredEvent]]:
        """Number the oldest unnumbered events; return them by factory, in order, once they are durable."""
        rows = await self._connection.fetch(SEQUENCE, BATCH_EVENTS, BATCH_BYTES)
        events = sorted((to_event(row) for row in rows), key=lambda event: (event.factory_id, event.seq))
        grouped = itertools.groupby(events, key=lambda event: event.factory_id)
        return {factory_id: list(batch) for factory_id, batch in grouped}

    async def heads(self, after: UUID | None, limit: int) -> list[Head]:
        """Return a page of heads, ordered by factory, after the factory `after`."""
        return [Head(*row) for row in await self._connection.fetch(HEADS, after, limit)]

    async def read(self, factory_id: UUID, after_seq: int) -> list[StoredEvent]:
        """Return the next events of a factory after `after_seq`, as many as one batch holds."""
        rows = await self._connection.fetch(READ, factory_id, after_seq, BATCH_EVENTS, BATCH_BYTES)
        return [to_event(row) for row in rows]

    async def tail_start(self, factory_id: UUID, events: int, max_bytes: int) -> int:
        """Return the seq after which a lost stream starts again."""
        return int(await self._connection.fetchval(TAIL_START, factory_id, events, max_bytes))

    async def remember(self, published: Mapping[UUID, int]) -> None:
        """Store how far each factory is published: a hint, so the commit does not wait for the disk."""
        async with self._connection.transaction():
            await self._connection.execute("SET LOCAL synchronous_commit = off")
            await self._connection.execute(REMEMBER, list(published), list(published.values()))

    async def purge(self, retention: timedelta, limit: int) -> int:
        """Delete published events older than `retention` among the oldest `limit`; return how many."""
        status = await self._connection.execute(PURGE, retention, limit)
        return int(status.rpartition(" ")[2])

    async def backlog(self) -> Backlog:
        """Return the number and age of the events that are not published yet."""
        row = await self._connection.fetchrow(BACKLOG)
        return Backlog(row["events"], row["age"])
