"""Streams take no more memory than they may, whatever the sizes of their events."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from support.kit.events import AT, SERVICE, in_background, publish, relay, stream, stream_reaches
from support.waiting import wait_until
from utils.database import Database
from utils.outbox import StoredEvent
from utils.relay.appender import Appender, Batch
from utils.relay.stream_sizes import MAX_STREAM_BYTES, StreamSizes, share_of
from utils.streams import stream_key

KIB, MIB = 1024, 1024 * 1024


def events(factory: UUID, first: int, sizes: Sequence[int]) -> list[StoredEvent]:
    return [
        StoredEvent(seq=first + n, type="t.v1", factory_id=factory, at=AT, payload=msgspec.Raw(b"x" * size))
        for n, size in enumerate(sizes)
    ]


async def fill(redis: Redis, sizes: StreamSizes, factory: UUID, lengths: Sequence[int]) -> None:
    """Append events of these lengths, one by one, and keep the bounds after each."""
    appender = Appender(redis, SERVICE)
    for seq, length in enumerate(lengths, 1):
        made = events(factory, seq, [length])
        await appender.append({factory: Batch(made)})
        sizes.note(factory, (event.payload for event in made))
        await sizes.keep_bounds()


async def used(redis: Redis, factory: UUID) -> int:
    return int(await redis.memory_usage(stream_key(SERVICE, factory), samples=0) or 0)


async def seqs(redis: Redis, factory: UUID) -> list[int]:
    return [event.seq for event in await stream(redis, factory)]


@pytest.mark.parametrize(
    "lengths",
    [
        [4_200_000] * 12,
        [100] * 200 + [2_000_000] * 8,
        [2_000_000] * 8 + [100] * 200,
        [1_000, 3_000_000] * 8,
    ],
    ids=["large", "growing", "shrinking", "mixed"],
)
async def test_a_stream_is_cut_by_what_it_takes(redis: Redis, lengths: list[int]) -> None:
    factory = uuid4()
    most = 8 * MIB
    sizes = StreamSizes(redis, SERVICE, stream_bytes=most)
    await fill(redis, sizes, factory, lengths)
    kept = await seqs(redis, factory)
    assert await used(redis, factory) < most + 2 * MIB
    assert kept == list(range(len(lengths) - len(kept) + 1, len(lengths) + 1))
    assert sum(lengths[seq - 1] for seq in kept) > most / 4  # no more is thrown away than must be


async def test_the_newest_event_stays_however_large(redis: Redis) -> None:
    factory = uuid4()
    await fill(redis, StreamSizes(redis, SERVICE, stream_bytes=MIB), factory, [3 * MIB, 3 * MIB])
    assert await seqs(redis, factory) == [2]


async def test_all_streams_together_are_bounded_by_cutting_the_largest(redis: Redis) -> None:
    sizes = StreamSizes(redis, SERVICE, stream_bytes=8 * MIB, total_bytes=8 * MIB)
    small, *large = (uuid4() for _ in range(5))
    await fill(redis, sizes, small, [1000] * 100)
    for factory in large:
        await fill(redis, sizes, factory, [500_000] * 12)
    taken = [await used(redis, factory) for factory in (small, *large)]
    kept = [len(await seqs(redis, factory)) for factory in large]
    assert sum(taken) < 10 * MIB
    assert len(await seqs(redis, small)) == 100
    assert min(kept) >= 2
    assert abs(sizes.total - sum(taken)) < 2 * MIB


async def test_streams_of_an_earlier_leader_are_measured(redis: Redis) -> None:
    factory = uuid4()
    await Appender(redis, SERVICE).append({factory: Batch(events(factory, 1, [3 * MIB] * 4))})
    sizes = StreamSizes(redis, SERVICE, stream_bytes=8 * MIB)
    await sizes.measure_unknown([factory, uuid4()])
    assert await seqs(redis, factory) == [3, 4]
    assert sizes.total == await used(redis, factory)


async def test_a_server_that_does_not_measure_is_asked_once(redis: Redis) -> None:
    factory = uuid4()
    await redis.acl_setuser(
        "blind", enabled=True, passwords=["+x"], commands=["+@all", "-memory"], keys=["*"]
    )
    address = redis.connection_pool.connection_kwargs
    blind: Redis = Redis(host=address["host"], port=address["port"], username="blind", password="x")
    try:
        sizes = StreamSizes(blind, SERVICE, stream_bytes=MIB, total_bytes=MIB)
        await fill(blind, sizes, factory, [MIB] * 3)
        assert await seqs(redis, factory) == [1, 2, 3]
    finally:
        await blind.aclose()
        await redis.acl_deluser("blind")


async def test_the_relay_keeps_the_bound_of_a_stream(fresh_database: Database, redis: Redis) -> None:
    factory = uuid4()
    async with in_background(relay(fresh_database, redis).run):
        for number in range(12):
            await publish(fresh_database, factory, number, padding="x" * 4_200_000)
        await stream_reaches(redis, factory, 12)

        async def bounded() -> bool:
            return await used(redis, factory) <= MAX_STREAM_BYTES + 2 * MIB

        await wait_until(bounded)
    assert len(await seqs(redis, factory)) >= 3


@given(st.lists(st.integers(0, 1000)), st.integers(1, 5000))
def test_a_share_fits_and_wastes_nothing(sizes: list[int], total: int) -> None:
    share = share_of(sizes, total)
    kept = sum(min(size, share) for size in sizes)
    assert kept <= total + 1e-6
    assert kept >= min(sum(sizes), total) - 1e-6
