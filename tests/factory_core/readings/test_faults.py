"""What becomes of readings when PostgreSQL, Redis or the process itself dies."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from support.plant.bare_client import client_of
from support.plant.factory_core import MeasuredFactory, build_factory, reading
from support.servers import Postgres, RunningProcess, Valkey

Start = Callable[..., RunningProcess]
QUICK = {"DATABASE_COMMAND_TIMEOUT_SECONDS": "2"}


async def send_until_answered(factory: MeasuredFactory, readings: list[Any], batch_id: str) -> dict[str, Any]:
    """Send a batch again and again, as a sender does; only an answer or an unavailable service is allowed."""
    for _ in range(400):
        try:
            answer = await factory.send(readings, batch_id)
        except httpx.TransportError:
            await asyncio.sleep(0.05)
            continue
        if answer.status_code == 200:
            result: dict[str, Any] = answer.json()
            return result
        assert answer.status_code == 503, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"]
        await asyncio.sleep(0.05)
    raise AssertionError("never answered")


async def test_batches_sent_while_postgres_is_killed_and_back_are_kept_exactly_once(
    running: Start, hurt_postgres: Postgres
) -> None:
    base_url = running("factory-core", env=QUICK).base_url
    async with client_of(base_url) as client:
        factory = await build_factory(client)

        async def send(number: int) -> dict[str, Any]:
            await asyncio.sleep(number * 0.01)
            return await send_until_answered(
                factory, [reading(number), reading(number + 200)], f"batch-{number}"
            )

        async def kill() -> None:
            for _ in range(2):
                await asyncio.sleep(0.4)
                await asyncio.to_thread(hurt_postgres.kill)
                await asyncio.to_thread(hurt_postgres.start)

        killing = asyncio.create_task(kill())
        answers = await asyncio.gather(*(send(number) for number in range(120)))
        await killing
        assert [answer["accepted"] for answer in answers] == [2] * 120
        assert len(await factory.read()) == 240


async def test_a_frozen_postgres_is_a_503_and_the_same_batch_later_is_kept_once(
    running: Start, hurt_postgres: Postgres
) -> None:
    base_url = running("factory-core", env=QUICK).base_url
    async with client_of(base_url) as client:
        factory = await build_factory(client)
        assert (await factory.send([reading(1)], "before")).status_code == 200
        hurt_postgres.pause()
        refused = await asyncio.gather(*(factory.send([reading(n)], f"frozen-{n}") for n in (2, 3)))
        hurt_postgres.resume()
        assert [answer.status_code for answer in refused] == [503, 503]
        for number in (2, 3):
            assert (await send_until_answered(factory, [reading(number)], f"frozen-{number}"))[
                "accepted"
            ] == 1
        assert len(await factory.read()) == 3


async def test_sessions_ended_by_an_administrator_cost_no_reading(
    running: Start, hurt_postgres: Postgres
) -> None:
    base_url = running("factory-core").base_url
    async with client_of(base_url) as client:
        factory = await build_factory(client)
        await factory.send([reading(0)])
        hurt_postgres.terminate_sessions()
        assert (await send_until_answered(factory, [reading(1)], "after"))["accepted"] == 1
        assert len(await factory.read()) == 2


@pytest.mark.parametrize("hurt", ["stop", "pause"])
async def test_readings_are_accepted_all_the_same_without_redis(
    running: Start, hurt_valkey: Valkey, hurt: str
) -> None:
    base_url = running("factory-core").base_url
    async with client_of(base_url) as client:
        factory = await build_factory(client)
        getattr(hurt_valkey, hurt)()
        answers = await asyncio.gather(*(factory.send([reading(n)]) for n in range(20)))
        assert [answer.status_code for answer in answers] == [200] * 20
        assert len(await factory.read()) == 20


async def test_a_killed_process_has_kept_what_it_answered_and_nothing_twice(running: Start) -> None:
    first = running("factory-core")
    answered: list[int] = []
    async with client_of(first.base_url) as client:
        factory = await build_factory(client)
        enough = asyncio.Event()

        async def send(number: int) -> None:
            await asyncio.sleep(number * 0.003)
            if (await factory.send([reading(number)], f"batch-{number}")).status_code == 200:
                answered.append(number)
            if len(answered) >= 20:
                enough.set()

        async def kill() -> None:
            await enough.wait()
            await asyncio.to_thread(first.kill)

        await asyncio.gather(*(send(number) for number in range(120)), kill(), return_exceptions=True)
    assert 0 < len(answered) < 120
    second = running("factory-core")
    async with client_of(second.base_url) as client:
        again = MeasuredFactory(client, factory.factory_id)
        kept = {item["at"] for item in await again.read()}
        assert {reading(number)["at"].replace(".000000", "") for number in answered} <= kept
        for number in range(120):
            answer = await again.send([reading(number)], f"batch-{number}")
            assert answer.json()["accepted"] == 1  # new, or the answer of the first time
        assert len(await again.read()) == 120
