"""Clients that move between two replicas of Incident Event's API get every event once, and no false reset."""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
import pytest

from support.plant.bare_client import client_of
from support.plant.incident_event import listening, report
from support.servers import RunningProcess

SERVICE = "incident-event"
NOBODY = "redis://127.0.0.1:1/0"
CLIENTS = 4
STAY_SECONDS = 0.2
PAUSE_SECONDS = 0.004


async def keep_reporting(client: httpx.AsyncClient, factory_id: UUID, ends: float) -> int:
    """Report incidents until the time comes; return how many."""
    made = 0
    while time.monotonic() < ends:
        await report(client, factory_id)
        made += 1
        await asyncio.sleep(PAUSE_SECONDS)
    return made


async def follow(replicas: list[httpx.AsyncClient], factory_id: UUID, ends: float) -> list[int]:
    """Follow the stream at one replica after the other for a moment each; return the ids of its events."""
    ids: list[int] = []
    turn = 0
    while time.monotonic() < ends:
        turn += 1
        last = ids[-1] if ids else 0
        async with listening(replicas[turn % 2], factory_id, last_id=last) as listener:
            stays = time.monotonic() + STAY_SECONDS
            while time.monotonic() < stays:
                try:
                    message = await listener.next(seconds=STAY_SECONDS)
                except TimeoutError:
                    break
                assert message.type != "reset", f"reset at {message.id} after {last}"
                ids.append(message.id)
    return ids


@pytest.mark.parametrize("redis_url", [None, NOBODY], ids=["both with Redis", "one without Redis"])
@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.prove)])
async def test_clients_that_move_miss_nothing_and_are_not_reset(
    seconds: float, redis_url: str | None, running: Callable[..., RunningProcess]
) -> None:
    factory_id = uuid4()
    running(SERVICE, "worker")
    first = running(SERVICE)
    second = running(SERVICE, env=None if redis_url is None else {"REDIS_URL": redis_url})
    async with client_of(first.base_url) as one, client_of(second.base_url) as two:
        await report(one, factory_id)
        ends = time.monotonic() + seconds
        reporting = asyncio.create_task(keep_reporting(one, factory_id, ends))
        ways = [[one, two], [two, one]] * (CLIENTS // 2)
        seen = await asyncio.gather(*(follow(way, factory_id, ends) for way in ways))
        made = await reporting
    for ids in seen:
        assert ids == list(range(1, len(ids) + 1))
        assert ids, f"no event of {made}"
