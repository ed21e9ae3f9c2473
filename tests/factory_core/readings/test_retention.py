"""Old batches are forgotten, their readings are not."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from factory_core.readings.batch import Batch, SentBatch, Series
from factory_core.readings.lifecycle import Reading
from factory_core.readings.recorder import BatchRecorder
from factory_core.readings.retention import BATCHES_AT_ONCE, BatchRetention
from utils.database import Database

ACCEPTED = datetime(2026, 1, 15, tzinfo=UTC)
FACTORY = uuid4()
KEPT = timedelta(days=7)


def batch(number: int, digest: bytes = b"") -> Batch:
    sent = SentBatch(f"batch-{number}", digest, [Reading("press-1", "force", ACCEPTED, 1.0)], [0], [])
    return Batch(FACTORY, sent, [Series(number, uuid4(), "press-1", "force")], accepted_at=ACCEPTED)


async def record(database: Database, batches: list[Batch]) -> list[bytes]:
    recorder = BatchRecorder(database)
    try:
        outcomes = await recorder.record(batches)
    finally:
        recorder.close()
    return [outcome for outcome in outcomes if isinstance(outcome, bytes)]


async def count(database: Database, table: str) -> int:
    async with database.transaction() as transaction:
        connection = await transaction.connection()
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our own names


@pytest.mark.parametrize(("age", "left"), [(KEPT, 3), (KEPT + timedelta(microseconds=1), 0)])
async def test_a_batch_is_forgotten_when_its_time_is_over_and_not_before(
    fresh_database: Database, age: timedelta, left: int
) -> None:
    await record(fresh_database, [batch(number) for number in range(3)])
    retention = BatchRetention(fresh_database, lambda: ACCEPTED + age, kept_for=KEPT)
    assert await retention.forget_some() == 3 - left
    assert await count(fresh_database, "ingest_batches") == left
    assert await count(fresh_database, "readings") == 3


async def test_more_than_fit_into_one_transaction_take_several(fresh_database: Database) -> None:
    await record(fresh_database, [batch(number) for number in range(BATCHES_AT_ONCE + 5)])
    retention = BatchRetention(fresh_database, lambda: ACCEPTED + 2 * KEPT, kept_for=KEPT)
    assert [await retention.forget_some() for _ in range(3)] == [BATCHES_AT_ONCE, 5, 0]


async def test_a_forgotten_batch_sent_again_adds_nothing(fresh_database: Database) -> None:
    await record(fresh_database, [batch(1)])
    await BatchRetention(fresh_database, lambda: ACCEPTED + 2 * KEPT, kept_for=KEPT).forget_some()
    [answer] = await record(fresh_database, [batch(1, digest=b"another body")])
    assert msgspec.json.decode(answer)["duplicates"] == 1
    assert await count(fresh_database, "readings") == 1
