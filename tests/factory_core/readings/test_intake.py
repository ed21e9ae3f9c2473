import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from factory_core.readings.batch import Batch, SentBatch, Series
from factory_core.readings.intake import Intake
from factory_core.readings.lifecycle import Code, Flaw, Reading
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


TOO_EARLY = Flaw("at", Code.TIME_IN_FUTURE, "lies more than 5 minutes in the future")
NOT_A_NUMBER = Flaw("value", Code.NOT_FINITE, "must be a finite number")


def sent(batch_id: str, values: list[float], flaws: dict[int, Flaw]) -> Batch:
    """A batch with one reading a second, of which those in `flaws` are refused now."""
    readings = [
        Reading("press-1", "force", START + timedelta(seconds=n), value) for n, value in enumerate(values)
    ]
    whole = SentBatch(batch_id, b"", readings, range(len(readings)), [])
    usable = whole.without([flaws.get(n) for n in range(len(values))])
    one = Series(1, uuid4(), "press-1", "force")
    return Batch(FACTORY, usable, [one] * len(usable.readings), accepted_at=START)


async def told(database: Database) -> list[tuple[str, float]]:
    """Every reading that an event tells of."""
    events = [msgspec.json.decode(event) for event in await fetch(database, "SELECT payload FROM outbox")]
    return [
        pair
        for event in events
        for series in event["series"]
        for pair in zip(series["at"], series["value"], strict=True)
    ]


async def test_readings_ahead_of_our_clock_are_kept_once_it_has_caught_up(
    intake: Intake, fresh_database: Database
) -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    ahead = {1: TOO_EARLY, 2: NOT_A_NUMBER, 3: TOO_EARLY}
    first = msgspec.json.decode(await intake.submit(sent("b", values, ahead)))
    assert (first["accepted"], [one["index"] for one in first["rejected"]]) == (1, [1, 2, 3])
    await intake.submit(sent("another", [0.0, 9.0], {0: TOO_EARLY}))  # somebody else was first at second 1

    second = msgspec.json.decode(await intake.submit(sent("b", values, {2: NOT_A_NUMBER, 3: TOO_EARLY})))
    assert (second["accepted"], second["duplicates"], second["conflicts"]["count"]) == (1, 0, 1)
    assert [(one["index"], one["kept_value"]) for one in second["conflicts"]["first"]] == [(1, 9.0)]
    assert [one["index"] for one in second["rejected"]] == [2, 3]

    third = await intake.submit(sent("b", values, {2: NOT_A_NUMBER}))
    assert accepted(third) == (2, 0)
    assert [one["index"] for one in msgspec.json.decode(third)["rejected"]] == [2]
    assert await intake.submit(sent("b", values, {0: TOO_EARLY, 3: TOO_EARLY})) == third
    assert [value for _, value in await told(fresh_database)] == [1.0, 9.0, 4.0]


@pytest.mark.parametrize("seed", range(5))
async def test_repeats_in_any_order_and_at_once_keep_each_reading_exactly_once(
    recorder: BatchRecorder, fresh_database: Database, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - the same data in every run
    values = [float(n) for n in range(chance.choice([5, 300]))]
    never = {n: NOT_A_NUMBER for n in range(len(values)) if chance.random() < 0.2}
    intakes = [Intake(recorder.record, most_readings=100_000) for _ in range(3)]  # as many processes
    for share in (0.8, 0.5, 0.0):
        early = [
            {n: TOO_EARLY for n in range(len(values)) if chance.random() < share} | never for _ in intakes
        ]
        sends = (
            intake.submit(sent("b", values, flaws)) for intake, flaws in zip(intakes, early, strict=True)
        )
        answers = [msgspec.json.decode(answer) for answer in await asyncio.gather(*sends)]
        for answer in answers:
            assert (answer["duplicates"], answer["conflicts"]["count"]) == (0, 0)
            assert answer["accepted"] + len(answer["rejected"]) == len(values)
    assert {answer["accepted"] for answer in answers} == {len(values) - len(never)}
    everything = await told(fresh_database)
    assert sorted(value for _, value in everything) == [n for n in values if n not in never]


async def test_the_answer_of_an_older_release_is_completed(intake: Intake, fresh_database: Database) -> None:
    await intake.submit(sent("b", [1.0], {}))
    async with fresh_database.transaction() as transaction:
        await (await transaction.connection()).execute(
            "UPDATE ingest_batches SET answer = $1",
            b'{"batch_id":"b","accepted":1,"duplicates":0,"rejected":[]}',
        )
    answer = msgspec.json.decode(await intake.submit(sent("b", [1.0], {})))
    assert answer["conflicts"] == {"count": 0, "first": []}


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
