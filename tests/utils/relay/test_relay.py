"""The relay numbers events without a gap and brings all of them to Redis, in order, whatever Redis loses."""

import asyncio
import contextlib
import itertools
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from redis.asyncio import Redis

from support.kit.events import (
    AT,
    SERVICE,
    Happened,
    entries,
    eventually,
    in_background,
    number_of,
    publish,
    relay,
    stream,
    stream_reaches,
    value,
)
from support.servers import Valkey
from utils.database import CONNECTION_FAULTS, AdvisoryLock, Database
from utils.outbox import Doorbell, EventLog, Outbox, StoredEvent
from utils.relay import metrics
from utils.relay.appender import Appender, Batch
from utils.relay.ledger import Ledger
from utils.relay.relay import LEADER_SETTINGS
from utils.streams import index_key, stream_key


async def test_events_reach_the_stream_in_order_and_numbered_from_one(
    fresh_database: Database, redis: Redis
) -> None:
    factory = uuid4()
    await publish(fresh_database, factory, 10, 20, 30)
    async with in_background(relay(fresh_database, redis).run):
        await stream_reaches(redis, factory, 3)
    events = await stream(redis, factory)
    assert [(event.seq, number_of(event)) for event in events] == [(1, 10), (2, 20), (3, 30)]
    assert {(event.factory_id, event.at, event.type) for event in events} == {(factory, AT, Happened.type)}


async def test_an_entry_is_found_under_its_seq(fresh_database: Database, redis: Redis) -> None:
    factory = uuid4()
    await publish(fresh_database, factory, 1)
    async with in_background(relay(fresh_database, redis).run):
        await stream_reaches(redis, factory, 1)
    [(identifier, fields)] = await entries(redis, stream_key(SERVICE, factory))
    assert identifier == b"1-0"
    assert set(fields) == {b"seq", b"type", b"factory_id", b"at", b"payload"}


async def test_each_factory_has_a_numbering_of_its_own(fresh_database: Database, redis: Redis) -> None:
    one, other = uuid4(), uuid4()
    for number in range(5):
        await publish(fresh_database, one if number % 2 else other, number)
    async with in_background(relay(fresh_database, redis).run):
        await stream_reaches(redis, other, 3)
        await stream_reaches(redis, one, 2)
    assert [number_of(event) for event in await stream(redis, other)] == [0, 2, 4]


async def test_the_index_names_every_stream_that_was_born(fresh_database: Database, redis: Redis) -> None:
    factories = {uuid4() for _ in range(3)}
    for factory in factories:
        await publish(fresh_database, factory, 1)

    async def announced() -> bool:
        told = await entries(redis, index_key(SERVICE))
        return {UUID(fields[b"factory_id"].decode()) for _, fields in told} == factories

    async with in_background(relay(fresh_database, redis).run):
        await eventually(announced)


async def test_a_lost_index_is_written_again(fresh_database: Database, redis: Redis) -> None:
    factory = uuid4()
    await publish(fresh_database, factory, 1)
    async with in_background(relay(fresh_database, redis).run):
        await stream_reaches(redis, factory, 1)
        await redis.delete(index_key(SERVICE))

        async def announced() -> bool:
            return bool(await redis.exists(index_key(SERVICE)))

        await eventually(announced)


async def test_a_rolled_back_event_leaves_no_gap(fresh_database: Database, redis: Redis) -> None:
    factory = uuid4()
    await publish(fresh_database, factory, 1)
    with contextlib.suppress(LookupError):
        async with fresh_database.transaction() as transaction:
            Outbox(transaction).publish(factory, Happened(2), at=AT)
            await transaction.prepare()
            raise LookupError
    await publish(fresh_database, factory, 3)
    async with in_background(relay(fresh_database, redis).run):
        await stream_reaches(redis, factory, 2)
    assert [number_of(event) for event in await stream(redis, factory)] == [1, 3]


async def test_a_wiped_redis_gets_everything_again(
    fresh_database: Database, redis: Redis, valkey: Valkey
) -> None:
    factory = uuid4()
    before = value(metrics.REPUBLISHED)
    async with in_background(relay(fresh_database, redis).run):
        await publish(fresh_database, factory, *range(1, 21))
        await stream_reaches(redis, factory, 20)
        valkey.flush()
        await stream_reaches(redis, factory, 20)

        async def counted() -> bool:  # after the stream has them
            return value(metrics.REPUBLISHED) - before == 20

        await eventually(counted)
    assert [event.seq for event in await stream(redis, factory)] == list(range(1, 21))


async def test_a_lost_tail_is_noticed_at_the_next_event(fresh_database: Database, redis: Redis) -> None:
    factory = uuid4()
    async with in_background(relay(fresh_database, redis).run):
        await publish(fresh_database, factory, *range(1, 11))
        await stream_reaches(redis, factory, 10)
        await lose_tail(redis, factory, keep=4)
        await publish(fresh_database, factory, 11)
        await stream_reaches(redis, factory, 11)
    assert [number_of(event) for event in await stream(redis, factory)] == list(range(1, 12))


async def test_a_lost_tail_is_noticed_without_any_new_event(fresh_database: Database, redis: Redis) -> None:
    factory = uuid4()
    async with in_background(relay(fresh_database, redis).run):
        await publish(fresh_database, factory, *range(1, 11))
        await stream_reaches(redis, factory, 10)
        await lose_tail(redis, factory, keep=4)
        await stream_reaches(redis, factory, 10, seconds=10)
    assert [event.seq for event in await stream(redis, factory)] == list(range(1, 11))


async def lose_tail(redis: Redis, factory: UUID, *, keep: int) -> None:
    """Set a stream back to its first entries, as a server does that lost its last second."""
    key = stream_key(SERVICE, factory)
    kept: list[Any] = await entries(redis, key, keep)
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.delete(key)
        for identifier, fields in kept:
            pipeline.xadd(key, fields, id=identifier)
        await pipeline.execute()


async def test_a_stream_from_another_life_of_the_database_is_replaced(
    fresh_database: Database, redis: Redis
) -> None:
    factory = uuid4()
    for seq in range(1, 9):
        await redis.xadd(stream_key(SERVICE, factory), {"foreign": "x"}, id=f"{seq}-0")
    await publish(fresh_database, factory, 1, 2)
    async with in_background(relay(fresh_database, redis).run):

        async def replaced() -> bool:
            return [event.seq for event in await stream(redis, factory)] == [1, 2]

        await eventually(replaced)


async def test_a_doorbell_is_faster_than_polling(fresh_database: Database, redis: Redis) -> None:
    factory = uuid4()
    fresh_database.bell = Doorbell(redis, SERVICE)
    async with in_background(relay(fresh_database, redis).run):
        await publish(fresh_database, factory, 0)
        await stream_reaches(redis, factory, 1)
        clock = asyncio.get_running_loop().time
        waits = []
        for seq in range(2, 22):
            began = clock()
            await publish(fresh_database, factory, seq)
            await redis.xread({stream_key(SERVICE, factory): f"{seq - 1}-0"}, block=1000)
            waits.append(clock() - began)
    # polling alone would take 0.125 s on average
    assert sorted(waits)[10] < 0.06


async def test_large_events_are_sequenced_in_bounded_batches(fresh_database: Database, redis: Redis) -> None:
    factory = uuid4()
    await publish(fresh_database, factory, *range(12), padding="x" * 1_000_000, together=True)
    connection = await fresh_database.open_connection()
    batch = (await Ledger(connection).sequence())[factory]
    await connection.close()
    assert 4 <= len(batch) <= 5
    async with in_background(relay(fresh_database, redis).run):
        await stream_reaches(redis, factory, 12)


async def test_only_published_events_are_purged_at_the_end_of_their_time(
    fresh_database: Database, redis: Redis
) -> None:
    factory = uuid4()
    log = EventLog(fresh_database)
    await publish(fresh_database, factory, 1, 2, 3)
    connection = await fresh_database.open_connection()
    ledger = Ledger(connection)
    await ledger.sequence()
    await publish(fresh_database, factory, 4)
    await ledger.remember({factory: 2})
    assert await ledger.purge(timedelta(days=7), 1000) == 0
    assert await ledger.purge(timedelta(0), 1000) == 2
    await connection.close()
    assert [event.seq for event in await log.read(factory, 0, 10)] == [3]
    assert await log.extent(factory) == (3, 3)
    async with in_background(relay(fresh_database, redis).run):
        await stream_reaches(redis, factory, 4)
    assert [number_of(event) for event in await stream(redis, factory)] == [3, 4]


async def test_two_relays_never_number_twice_and_the_second_takes_over(
    fresh_database: Database, redis: Redis
) -> None:
    factory = uuid4()
    async with in_background(relay(fresh_database, redis).run, relay(fresh_database, redis).run) as relays:
        await publish(fresh_database, factory, *range(1, 6))
        await stream_reaches(redis, factory, 5)
        leader = await leader_pid(fresh_database)
        relays[0].cancel()
        await publish(fresh_database, factory, *range(6, 11))
        await stream_reaches(redis, factory, 10)
        relays.pop(0)
    assert [number_of(event) for event in await stream(redis, factory)] == list(range(1, 11))
    assert leader is not None


async def leader_pid(database: Database) -> int | None:
    """Give the backend that holds the relay's lock."""
    connection = await database.open_connection()
    pid = await connection.fetchval(
        "SELECT pid FROM pg_locks JOIN pg_database ON database = pg_database.oid "
        "WHERE locktype = 'advisory' AND datname = current_database() AND granted"
    )
    await connection.close()
    return None if pid is None else int(pid)


async def test_a_leader_whose_session_is_ended_leads_again(fresh_database: Database, redis: Redis) -> None:
    factory = uuid4()
    async with in_background(relay(fresh_database, redis).run):
        await publish(fresh_database, factory, 1)
        await stream_reaches(redis, factory, 1)
        connection = await fresh_database.open_connection()
        await connection.execute("SELECT pg_terminate_backend($1)", await leader_pid(fresh_database))
        await connection.close()
        await publish(fresh_database, factory, 2)
        await stream_reaches(redis, factory, 2)


async def test_a_leader_that_is_stopped_is_replaced(fresh_database: Database, redis: Redis) -> None:
    factory = uuid4()
    settings = {**LEADER_SETTINGS, "idle_session_timeout": "500"}
    stopped = await fresh_database.open_connection(**settings)
    assert await AdvisoryLock(stopped, "relay kit").try_acquire()
    await publish(fresh_database, factory, 1)
    async with in_background(relay(fresh_database, redis).run):
        await stream_reaches(redis, factory, 1)
    with pytest.raises(CONNECTION_FAULTS):
        await stopped.fetchval("SELECT 1")


async def test_the_backlog_is_told_while_redis_is_away(
    fresh_database: Database, redis: Redis, hurt_valkey: Valkey
) -> None:
    factory = uuid4()
    hurt_valkey.stop()
    async with in_background(relay(fresh_database, redis).run):
        await publish(fresh_database, factory, 1, 2, 3)

        async def told() -> bool:
            return value(metrics.OUTBOX_PENDING) == 3 and value(metrics.OUTBOX_OLDEST_AGE) > 0

        await eventually(told)
        assert await EventLog(fresh_database).head(factory) == 3
        hurt_valkey.start()
        await stream_reaches(redis, factory, 3)

        async def empty() -> bool:
            return value(metrics.OUTBOX_PENDING) == 0

        await eventually(empty)


def appended(have: int, first: int, count: int, *, jump: bool) -> list[int]:
    """The script's contract: what a stream of `have` entries holds after `count` more from seq `first` on."""
    seqs = list(range(1, have + 1))
    for seq in range(first, first + count):
        last = seqs[-1] if seqs else 0
        if seq == last + 1 or (jump and seq > last):
            seqs.append(seq)
            jump = False
    return seqs


async def test_only_what_is_contiguous_is_appended_in_every_case(redis: Redis) -> None:
    appender = Appender(redis, SERVICE)
    cases = itertools.product(range(4), range(1, 6), range(4), (False, True))
    for have, first, count, jump in cases:
        factory = uuid4()
        await appender.append({factory: Batch(made(factory, 1, have))})
        reached = await appender.append({factory: Batch(made(factory, first, count), may_jump=jump)})
        expected = appended(have, first, count, jump=jump)
        assert [event.seq for event in await stream(redis, factory)] == expected, (have, first, count, jump)
        assert reached == {factory: expected[-1] if expected else 0}


def made(factory: UUID, first: int, count: int) -> list[StoredEvent]:
    """Make `count` events from seq `first` on."""
    return [
        StoredEvent(seq=seq, type="t.v1", factory_id=factory, at=AT, payload=msgspec.Raw(b"{}"))
        for seq in range(first, first + count)
    ]


async def test_a_stream_keeps_about_as_many_events_as_it_is_told(redis: Redis) -> None:
    factory = uuid4()
    await Appender(redis, SERVICE).append({factory: Batch(made(factory, 1, 1000), keep=200)})
    kept = [event.seq for event in await stream(redis, factory)]
    assert 200 <= len(kept) < 400
    assert kept == list(range(1001 - len(kept), 1001))


async def test_a_restarted_redis_is_taught_the_script_again(redis: Redis) -> None:
    factory = uuid4()
    appender = Appender(redis, SERVICE)
    await appender.append({factory: Batch(made(factory, 1, 1))})
    await redis.script_flush()
    assert await appender.append({factory: Batch(made(factory, 2, 1))}) == {factory: 2}
