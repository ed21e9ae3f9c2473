"""Whatever else a stream holds, the publisher's log decides: nothing is skipped, and nothing stops."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from redis.asyncio import Redis

from support.kit.events import (
    AT,
    SERVICE,
    Handling,
    entries,
    eventually,
    gaps_of,
    in_background,
    number_of,
    publish,
    relay,
    stream_reaches,
)
from utils.clock import to_rfc3339
from utils.database import Database, Transaction
from utils.outbox import EventLog, StoredEvent
from utils.streams import EventFeed, Seal, StreamConsumer, StreamEvent, index_key, stream_key
from utils.streams.wire import Wire

KEY = SecretStr("a key that the publisher and its readers share")
OTHERS = SecretStr("a key that nobody else has, of as many bytes")
MOST = 2**64 - 1
POSITION = "SELECT seq FROM consumer_positions WHERE factory_id = $1"

Put = Callable[[Redis, UUID, int], Awaitable[Any]]


def entry(identifier: str, **changes: str | bytes) -> Put:
    """Make an entry as the relay writes it, with changes; `{last}`, `{next}` and `{far}` stand for seqs."""

    async def put(redis: Redis, factory_id: UUID, last: int) -> None:
        seqs = {"last": last, "next": last + 1, "far": last + 40, "most": MOST}
        made: dict[Any, Any] = {
            "seq": str(last + 1),
            "type": "thing.happened.v1",
            "factory_id": str(factory_id),
            "at": to_rfc3339(AT),
            "payload": b'{"number":-1}',
        }
        for name, value in changes.items():
            made[name] = value.format(**seqs) if isinstance(value, str) else value
        await redis.xadd(stream_key(SERVICE, factory_id), made, id=identifier.format(**seqs))

    return put


def without(identifier: str) -> Put:
    """Make an entry that has none of the relay's fields."""

    async def put(redis: Redis, factory_id: UUID, last: int) -> None:
        made: dict[Any, Any] = {"foo": "bar"}
        await redis.xadd(
            stream_key(SERVICE, factory_id), made, id=identifier.format(last=last, next=last + 1)
        )

    return put


def last_id_ahead(redis: Any, factory_id: UUID, _: int) -> Awaitable[Any]:
    """Let the stream take no id that the relay gives."""
    done: Awaitable[Any] = redis.execute_command("XSETID", stream_key(SERVICE, factory_id), f"{MOST}-{MOST}")
    return done


MALFORMED: dict[str, Put] = {
    "between two of the relay's": without("{last}-1"),
    "in the next one's place": without("{next}-0"),
    "far ahead, unreadable": without("9000000000-0"),
    "at the greatest id": entry(f"{MOST}-{MOST}", seq="{next}"),
    "seq ahead of its id": entry("{last}-1", seq="{far}"),
    "seq and id far ahead": entry("{far}-0", seq="{far}"),
    "seq behind its id": entry("{next}-0", seq="1"),
    "seq is no number": entry("{next}-0", seq="one"),
    "seq has no bounds": entry("{next}-0", seq="9" * 5000),
    "seq is negative": entry("{next}-0", seq="-1"),
    "time without a zone": entry("{next}-0", at="2026-01-15T10:30:00"),
    "time is no time": entry("{next}-0", at="noon"),
    "type is no text": entry("{next}-0", type=b"\xff\xfe"),
    "another factory's": entry("{next}-0", factory_id=str(UUID(int=7))),
    "factory is no id": entry("{next}-0", factory_id="seven"),
    "key of another type": lambda redis, factory, _: redis.set(stream_key(SERVICE, factory), b"no stream"),
    "index of another type": lambda redis, *_: redis.set(index_key(SERVICE), b"no stream"),
    "index names no factory": lambda redis, *_: redis.xadd(index_key(SERVICE), {"factory_id": "none"}),
    "index dated ahead": lambda redis, *_: redis.xadd(index_key(SERVICE), {"a": "b"}, id=f"{MOST}-{MOST}"),
    "stream takes no further id": last_id_ahead,
}
FORGED: dict[str, Put] = {
    "next event, well formed": entry("{next}-0", seq="{next}"),
    "next event, sealed by another": entry("{next}-0", seq="{next}", seal="0" * 32),
}


class Follower:
    """A consumer and a subscriber of the events of one factory."""

    def __init__(self, database: Database, redis: Redis, key: SecretStr | None) -> None:
        self.database, self.redis, self.key = database, redis, key
        self.handled: dict[UUID, list[int]] = {}
        self.log = EventLog(database)

    async def handle(self, transaction: Transaction, events: list[StoredEvent]) -> None:
        handled = self.handled.setdefault(events[0].factory_id, [])
        transaction.on_commit(lambda: handled.extend(map(number_of, events)))

    async def heads(self) -> dict[UUID, int]:
        return dict(await self.log.heads(None, 1000))

    async def consume(self) -> None:
        await StreamConsumer(
            database=self.database,
            redis=self.redis,
            publisher=SERVICE,
            consumer="tests",
            handler=Handling(self.handle),
            fetch_gap=gaps_of(self.log),
            fetch_heads=self.heads,
            sealing_key=self.key,
        ).run()

    async def has(self, factory_id: UUID, last: int) -> None:
        async def caught_up() -> bool:
            return len(self.handled.get(factory_id, [])) >= last

        await eventually(caught_up)
        assert self.handled[factory_id] == list(range(1, last + 1))

    async def position(self, factory_id: UUID) -> int:
        async with self.database.transaction() as transaction:
            connection = await transaction.connection()
            return int(
                await connection.fetchval(
                    "SELECT seq FROM consumer_positions WHERE factory_id = $1", factory_id
                )
            )


async def told(items: AsyncGenerator[Any, None], last: int) -> list[int]:
    """Return the numbers that a subscriber gets, up to `last`."""
    numbers: list[int] = []
    async for item in items:
        assert not hasattr(item, "reset")
        if isinstance(item, StreamEvent):
            numbers.append(number_of(item))
            if numbers[-1] == last:
                return numbers
    raise AssertionError("the subscription ended")


@pytest.mark.parametrize(
    ("put", "key"),
    [
        *((put, None) for put in MALFORMED.values()),
        *((put, KEY) for put in [*MALFORMED.values(), *FORGED.values()]),
    ],
    ids=[
        *(f"unsealed: {name}" for name in MALFORMED),
        *(f"sealed: {name}" for name in [*MALFORMED, *FORGED]),
    ],
)
async def test_nothing_is_skipped_and_nothing_stops(
    put: Put, key: SecretStr | None, fresh_database: Database, redis: Redis
) -> None:
    factory, other = uuid4(), uuid4()
    follower = Follower(fresh_database, redis, key)
    feed = EventFeed(database=fresh_database, redis=redis, publisher=SERVICE, sealing_key=key)
    subscriber = feed.subscribe(factory, 0)
    try:
        async with in_background(relay(fresh_database, redis, key).run, follower.consume):
            await publish(fresh_database, factory, 1, 2, 3)
            await follower.has(factory, 3)
            assert await told(subscriber, 3) == [1, 2, 3]
            await put(redis, factory, 3)
            await publish(fresh_database, other, 1)
            await publish(fresh_database, factory, *range(4, 9))
            await follower.has(other, 1)
            await follower.has(factory, 8)
            assert await told(subscriber, 8) == [4, 5, 6, 7, 8]
            assert await follower.position(factory) == 8
    finally:
        await subscriber.aclose()
        await feed.close()


async def test_a_stream_is_the_relays_alone_again_after_somebody_has_written_to_it(
    fresh_database: Database, redis: Redis
) -> None:
    factory = uuid4()
    async with in_background(relay(fresh_database, redis, KEY).run):
        await publish(fresh_database, factory, 1, 2)
        await stream_reaches(redis, factory, 2)
        await FORGED["next event, well formed"](redis, factory, 2)
        await publish(fresh_database, factory, 3, 4)
        wire = Wire(SERVICE, Seal(SERVICE, KEY))

        async def clean() -> bool:
            found = await wire.range(redis, factory, after=0, count=100)
            return not found.foreign and [number_of(event) for event in found.events] == [1, 2, 3, 4]

        await eventually(clean)


async def test_without_a_key_entries_carry_no_seal(fresh_database: Database, redis: Redis) -> None:
    factory = uuid4()
    async with in_background(relay(fresh_database, redis).run):
        await publish(fresh_database, factory, 1)
        await stream_reaches(redis, factory, 1)
    ((_, held),) = await entries(redis, stream_key(SERVICE, factory))
    assert b"seal" not in held


EVENTS = st.builds(
    lambda seq, type_, factory_id, payload, trace: StoredEvent(
        seq=seq, type=type_, factory_id=factory_id, at=AT, payload=payload, trace=trace
    ),
    st.integers(1, 2**63 - 1),
    st.text("abc.v1", min_size=1, max_size=20),
    st.uuids(),
    st.binary(min_size=1, max_size=50).map(msgspec.Raw),
    st.none() | st.text("0123456789abcdef-", min_size=1, max_size=55),
)


@given(event=EVENTS, other=EVENTS)
def test_a_seal_fits_its_own_event_alone(event: StoredEvent, other: StoredEvent) -> None:
    seal = Seal(SERVICE, KEY)
    made = seal.of(event).encode()
    assert seal.fits(event, made)
    assert seal.fits(other, made) is (other == event)
    assert not seal.fits(event, b"")
    assert not Seal("another", KEY).fits(event, made)
    assert not Seal(SERVICE, OTHERS).fits(event, made)
    assert Seal(SERVICE, None).fits(event, b"")
