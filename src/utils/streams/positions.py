"""A consumer's position per publisher and factory, committed together with the effects of its events."""

from uuid import UUID

from utils.database import Database, Transaction

ALL = "SELECT factory_id, seq FROM consumer_positions WHERE consumer = $1 AND publisher = $2"
ONE = ALL + " AND factory_id = $3"
ADVANCE = """
    INSERT INTO consumer_positions AS position (consumer, publisher, factory_id, seq)
    VALUES ($1, $2, $3, $5)
    ON CONFLICT (consumer, publisher, factory_id) DO UPDATE SET seq = excluded.seq
    WHERE position.seq = $4
    RETURNING seq
"""


class PositionMovedError(Exception):
    """Another process has handled these events: its effects stand, this process's are rolled back."""


class Positions:
    """The positions of one consumer in one publisher's streams."""

    def __init__(self, consumer: str, publisher: str) -> None:
        self._consumer = consumer
        self._publisher = publisher

    async def load(self, database: Database) -> dict[UUID, int]:
        """Return the seq last handled of every factory with a position."""
        async with database.transaction() as transaction:
            connection = await transaction.connection()
            rows = await connection.fetch(ALL, self._consumer, self._publisher)
        return {row["factory_id"]: row["seq"] for row in rows}

    async def load_one(self, database: Database, factory_id: UUID) -> int:
        """Return the seq last handled of one factory; 0 if it has no position."""
        async with database.transaction() as transaction:
            connection = await transaction.connection()
            row = await connection.fetchrow(ONE, self._consumer, self._publisher, factory_id)
        return 0 if row is None else int(row["seq"])

    async def advance(self, transaction: Transaction, factory_id: UUID, *, before: int, after: int) -> None:
        """Move the position from `before` to `after`, and lock it until the transaction ends.

        Raises:
            PositionMovedError: the stored position is not `before`.
        """
        connection = await transaction.connection()
        moved = await connection.fetchval(ADVANCE, self._consumer, self._publisher, factory_id, before, after)
        if moved is None:
            raise PositionMovedError(f"factory {factory_id} is not at {before} any more")
