"""Events commit with the state they tell of, or not at all."""

import contextlib
import time
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

import msgspec
import pytest
from redis.asyncio import Redis

from support.servers import Valkey
from utils.database import Database
from utils.logging import trace_id_var
from utils.outbox import Doorbell, EventLog, Outbox
from utils.outbox.bell import bell_channel
from utils.relay.ledger import Ledger

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
    with contextlib.suppress(LookupError):
        async with fresh_database.transaction() as transaction:
            Outbox(transaction).publish(uuid4(), Happened("never"), at=AT)
            raise LookupError
    assert await outbox_rows(fresh_database) == []


async def test_large_payloads_are_never_compressed_the_slow_way(fresh_database: Database) -> None:
    async with fresh_database.transaction() as transaction:
        Outbox(transaction).publish(uuid4(), Happened("x" * 100_000), at=AT)
    async with fresh_database.transaction() as transaction:
        connection = await transaction.connection()
        method = await connection.fetchval("SELECT pg_column_compression(payload) FROM outbox")
    assert method in {None, "lz4"}


async def test_several_events_of_one_transaction_keep_their_order(fresh_database: Database) -> None:
    async with fresh_database.transaction() as transaction:
        first, second = Outbox(transaction), Outbox(transaction)
        first.publish(uuid4(), Happened("1"), at=AT)
        second.publish_encoded(uuid4(), "thing.happened.v1", b'{"text":"2"}', at=AT)
        second.publish(uuid4(), Happened("3"), at=AT)
    assert await outbox_rows(fresh_database) == ['{"text":"1"}', '{"text":"2"}', '{"text":"3"}']


async def test_the_trace_of_the_request_goes_with_the_event(fresh_database: Database) -> None:
    token = trace_id_var.set("0af7651916cd43dd8448eb211c80319c")
    async with fresh_database.transaction() as transaction:
        Outbox(transaction).publish(uuid4(), Happened("1"), at=AT)
    trace_id_var.reset(token)
    async with fresh_database.transaction() as transaction:
        trace = await (await transaction.connection()).fetchval("SELECT trace FROM outbox")
    assert trace == "0af7651916cd43dd8448eb211c80319c"


async def test_the_log_gives_pages_by_number_and_by_bytes(fresh_database: Database) -> None:
    factory, other = sorted((uuid4(), uuid4()))
    log = EventLog(fresh_database)
    async with fresh_database.transaction() as transaction:
        for number in range(10):
            Outbox(transaction).publish(factory, Happened(str(number) + "x" * 1000), at=AT)
        Outbox(transaction).publish(other, Happened("other"), at=AT)
    assert await log.read(factory, 0, 100) == []  # nothing is in the log before it has a number
    assert await log.extent(factory) == (1, 0)
    connection = await fresh_database.open_connection()
    await Ledger(connection).sequence()
    await connection.close()
    assert [event.seq for event in await log.read(factory, 0, 3)] == [1, 2, 3]
    assert [event.seq for event in await log.read(factory, 8, 100)] == [9, 10]
    assert [event.seq for event in await log.read(factory, 0, 100, max_bytes=2500)] == [1, 2, 3]
    assert [event.seq for event in await log.read(factory, 0, 100, max_bytes=1)] == [1]
    assert await log.extent(factory) == (1, 10)
    assert await log.heads(None, 10) == [(factory, 10), (other, 1)]
    assert await log.heads(factory, 10) == [(other, 1)]
    assert await log.heads(None, 1, factories=[other]) == [(other, 1)]
    assert await log.heads(None, 10, factories=[]) == []


async def test_a_bell_that_nobody_hears_holds_nobody_up(
    redis: Redis, hurt_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    bell = Doorbell(redis, "kit")
    publish, published = redis.publish, 0

    async def counted(*arguments: Any) -> Any:
        nonlocal published
        published += 1
        return await publish(*arguments)

    monkeypatch.setattr(redis, "publish", counted)
    hurt_valkey.stop()
    began = time.monotonic()
    for _ in range(100):
        bell.ring()
    ringing = bell._ringing
    await bell.close()
    assert time.monotonic() - began < 1
    assert 1 <= published <= 2  # rings that come while one is under way become one more
    assert ringing is not None
    assert (ringing.done(), ringing.exception()) == (True, None)
    hurt_valkey.start()
    async with redis.pubsub() as listener:
        await listener.subscribe(bell_channel("kit"))
        assert await listener.get_message(timeout=2)  # it is subscribed
        bell.ring()
        heard = await listener.get_message(timeout=2)
        assert heard is not None
        assert heard["type"] == "message"
    await bell.close()
