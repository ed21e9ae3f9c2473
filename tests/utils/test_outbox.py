"""Events commit with the state they tell of, or not at all."""

from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

import msgspec

from utils.database import Database, Transaction
from utils.outbox import EventLog, Outbox

AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


class Happened(msgspec.Struct, frozen=True):
    type: ClassVar[str] = "thing.happened.v1"
    text: str


async def outbox_rows(database: Database) -> list[str]:
    async with database.transaction() as transaction:
        rows = await (await transaction.connection()).fetch("SELECT payload FROM outbox ORDER BY id")
    return [row["payload"].decode() for row in rows]


async def test_what_is_published_is_there_after_the_commit(fresh_database: Database) -> None:
    async with fresh_database.transaction() as transaction:
        Outbox(transaction).publish(uuid4(), Happened("컨베이어"), at=AT)
    assert await outbox_rows(fresh_database) == ['{"text":"컨베이어"}']


async def test_what_is_published_is_gone_with_the_rollback(fresh_database: Database) -> None:
    try:
        async with fresh_database.transaction() as transaction:
            Outbox(transaction).publish(uuid4(), Happened("never"), at=AT)
            raise LookupError
    except LookupError:
        pass
    assert await outbox_rows(fresh_database) == []
