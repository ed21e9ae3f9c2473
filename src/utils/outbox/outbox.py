"""Writes events in the same transaction as the state they describe."""

from datetime import datetime
from uuid import UUID

import msgspec

from utils.database import Transaction
from utils.outbox.event import Event
from utils.tracing import carried

INSERT_EVENTS = "INSERT INTO outbox (factory_id, type, occurred_at, payload, trace)"
"""The beginning of each statement that publishes; its values follow in the order of `Row`."""

_INSERT_ONE = f"{INSERT_EVENTS} VALUES ($1, $2, $3, $4, $5)"

Row = tuple[UUID, str, datetime, bytes, str | None]


class Outbox:
    """Publishes events: they are sent if, and only if, the transaction commits."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._rows: list[Row] = []

    def publish(self, factory_id: UUID, event: Event, *, at: datetime) -> None:
        """Publish an event of a factory that happened at `at` (an aware time)."""
        self.publish_encoded(factory_id, event.type, msgspec.json.encode(event), at=at)

    def publish_encoded(self, factory_id: UUID, type_: str, payload: bytes, *, at: datetime) -> None:
        """Publish an event whose payload is already encoded as JSON (UTF-8)."""
        if not self._rows:
            self._transaction.before_commit(self._write)
            self._transaction.ring_on_commit()
        self._rows.append((factory_id, type_, at, payload, carried()))

    async def _write(self) -> None:
        rows, self._rows = self._rows, []
        connection = await self._transaction.connection()
        if len(rows) == 1:
            await connection.execute(_INSERT_ONE, *rows[0])
        else:
            await connection.executemany(_INSERT_ONE, rows)
