import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from factory_core.readings.batch import Batch, SentBatch, Series
from factory_core.readings.intake import Intake
from factory_core.readings.lifecycle import Reading
from factory_core.readings.recorder import BatchRecorder
from utils.database import Database
from utils.errors import ConflictError, UnavailableError

START = datetime(2026, 1, 15, tzinfo=UTC)
FACTORY = uuid4()
BEYOND_INTEGER = 2**40


def batch(
    batch_id: str, seconds: range, *, digest: bytes = b"", series: int = 1, factory_id: UUID = FACTORY
) -> Batch:
    readings = [Reading("press-1", "force", START + timedelta(seconds=second), second) for second in seconds]
    sent = SentBatch(batch_id, digest, readings, range(len(readings)), [])
    one = Series(series, uuid4(), "press-1", "force")
    return Batch(factory_id, sent, [one] * len(readings), accepted_at=START)


def accepted(answer: bytes) -> tuple[int, int]:
    read = msgspec.json.decode(answer)
    return read["accepted"], read["duplicates"]


@pytest.fixture
def recorder(fresh_database: Database) -> Iterator[BatchRecorder]:
    recorder = BatchRecorder(fresh_database)
    yield recorder
    recorder.close()


@pytest.fixture
async def intake(recorder: BatchRecorder) -> AsyncIterator[Intake]:
    intake = Intake(recorder.record, most_readings=1000)
    yield intake
    await intake.close()


@asynccontextmanager
async def readings_locked(database: Database) -> AsyncIterator[None]:
    """Let no transaction write a reading meanwhile."""
    async with database.transaction() as transaction:
        await (await transaction.connection()).execute("LOCK TABLE readings IN EXCLUSIVE MODE")
        yield


async def count(database: Database, query: str) -> Any:
    async with database.transaction() as transaction:
        return await (await transaction.connection()).fetchval(query)


async def test_a_batch_that_cannot_be_stored_spoils_none_of_its_group(
    intake: Intake, fresh_database: Database
) -> None:
    async with readings_locked(fresh_database):
        tasks = [
            asyncio.create_task(
                intake.submit(batch(f"b{n}", range(n, n + 1), series=BEYOND_INTEGER if n == 7 else 1))
            )
            for n in range(20)
        ]
        await asyncio.sleep(0.1)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    spoilt = answers.pop(7)
    assert isinstance(spoilt, asyncpg.PostgresError | ValueError | OverflowError | asyncpg.InterfaceError)
    assert [accepted(answer) for answer in answers if isinstance(answer, bytes)] == [(1, 0)] * 19
    assert await count(fresh_database, "SELECT count(*) FROM readings") == 19
    assert await count(fresh_database, "SELECT count(*) FROM outbox") == 19


async def test_small_batches_that_wait_share_transactions(intake: Intake, fresh_database: Database) -> None:
    async with readings_locked(fresh_database):
        tasks = [asyncio.create_task(intake.submit(batch(f"b{n}", range(n, n + 1)))) for n in range(60)]
        await asyncio.sleep(0.1)
    await asyncio.gather(*tasks)
    assert await count(fresh_database, "SELECT count(*) FROM ingest_batches") == 60
    assert await count(fresh_database, "SELECT count(DISTINCT xmin::text) FROM ingest_batches") <= 4


async def test_too_much_waiting_turns_senders_away_until_it_is_written(
    intake: Intake, fresh_database: Database
) -> None:
    async with readings_locked(fresh_database):
        tasks = [
            asyncio.create_task(intake.submit(batch(f"b{n}", range(n * 500, n * 500 + 500)))) for n in (0, 1)
        ]
        await asyncio.sleep(0.05)
        with pytest.raises(UnavailableError) as refused:
            await intake.submit(batch("one more", range(5000, 5001)))
        assert int(refused.value.headers["Retry-After"]) >= 1
    assert [accepted(answer) for answer in await asyncio.gather(*tasks)] == [(500, 0)] * 2
    assert accepted(await intake.submit(batch("one more", range(5000, 5001)))) == (1, 0)


async def test_a_sender_that_has_gone_and_come_back_is_answered_once(
    intake: Intake, fresh_database: Database
) -> None:
    async with readings_locked(fresh_database):
        blocking = [asyncio.create_task(intake.submit(batch(f"b{n}", range(n, n + 1)))) for n in range(3)]
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(intake.submit(batch("mine", range(100, 110))))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        back = asyncio.create_task(intake.submit(batch("mine", range(100, 110))))
        await asyncio.sleep(0.05)
    await asyncio.gather(*blocking)
    assert accepted(await back) == (10, 0)
    assert await count(fresh_database, "SELECT count(*) FROM readings") == 13
    assert await count(fresh_database, "SELECT count(*) FROM outbox") == 4


async def test_two_processes_racing_for_one_batch_keep_it_once(
    recorder: BatchRecorder, fresh_database: Database
) -> None:
    intakes = [Intake(recorder.record, most_readings=10_000) for _ in range(6)]
    same = await asyncio.gather(*(intake.submit(batch("same", range(50))) for intake in intakes))
    assert {accepted(answer) for answer in same} == {(50, 0)}
    bodies = (intake.submit(batch("other", range(60), digest=bytes([n]))) for n, intake in enumerate(intakes))
    outcomes = await asyncio.gather(*bodies, return_exceptions=True)
    assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == 5
    assert await count(fresh_database, "SELECT count(*) FROM readings") == 60
    assert await count(fresh_database, "SELECT count(*) FROM ingest_batches") == 2
    assert await count(fresh_database, "SELECT count(*) FROM outbox") == 2


async def test_two_processes_sending_the_same_readings_both_ways_round_lose_none(
    recorder: BatchRecorder, fresh_database: Database
) -> None:
    intakes = [Intake(recorder.record, most_readings=100_000) for _ in range(4)]
    sends = [
        intake.submit(batch(f"{n}-{turn}", range(700) if n % 2 else range(699, -1, -1)))
        for turn in range(3)
        for n, intake in enumerate(intakes)
    ]
    answers = [accepted(answer) for answer in await asyncio.gather(*sends)]
    assert sum(new for new, _ in answers) == 700
    assert all(new + old == 700 for new, old in answers)
    events = await fetch(fresh_database, "SELECT payload FROM outbox")
    told = [at for event in events for series in msgspec.json.decode(event)["series"] for at in series["at"]]
    assert len(told) == len(set(told)) == 700


async def fetch(database: Database, query: str) -> list[Any]:
    async with database.transaction() as transaction:
        return [row[0] for row in await (await transaction.connection()).fetch(query)]
