"""Endless jobs end when they are asked to, at whatever moment that is, also while a library is connecting."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from support.kit.events import SERVICE, Handling, gaps_of, relay
from utils.database import Database
from utils.lifecycle import heed_cancellation
from utils.outbox import EventLog
from utils.relay.bell_listener import BellListener
from utils.streams import StreamConsumer

Job = Callable[[], Awaitable[None]]


def consumer(database: Database, redis: Redis) -> StreamConsumer:
    async def handle(*_: object) -> None:
        return

    return StreamConsumer(
        database=database,
        redis=redis,
        publisher=SERVICE,
        consumer="tests",
        handler=Handling(handle),
        fetch_gap=gaps_of(EventLog(database)),
    )


@pytest.mark.parametrize("name", ["bell", "relay", "consumer"])
async def test_a_job_ends_whenever_it_is_asked_to(fresh_database: Database, redis: Redis, name: str) -> None:
    jobs: dict[str, Job] = {
        "bell": lambda: BellListener(redis, SERVICE).run(),
        "relay": lambda: relay(fresh_database, redis).run(),
        "consumer": lambda: consumer(fresh_database, redis).run(),
    }
    chance = random.Random(name)  # noqa: S311
    for _ in range(60):
        task = asyncio.ensure_future(jobs[name]())
        await asyncio.sleep(chance.uniform(0, 0.03))
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=5)
        assert done, "the job went on"
        assert task.cancelled()


async def test_a_swallowed_cancellation_is_heeded_at_the_next_turn() -> None:
    turns = 0

    async def swallowing() -> None:
        nonlocal turns
        while True:
            heed_cancellation()
            turns += 1
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    task = asyncio.ensure_future(swallowing())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert turns == 1


async def test_a_timeout_of_ones_own_is_no_cancellation() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.sleep(1)
    heed_cancellation()
