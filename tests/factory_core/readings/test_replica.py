"""History is read back from a replica; nothing that anybody counts on being new is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from monitoring.checks.existence import SAMPLE_FOLDER
from prometheus_client.parser import text_string_to_metric_families

from support import ROOT
from support.plant.bare_client import client_of
from support.plant.factory_core import MeasuredFactory, build_factory, reading
from support.servers import Postgres, Replica, RunningProcess

Start = Callable[..., RunningProcess]
SAMPLE = ROOT / SAMPLE_FOLDER / "factory-core-with-replica.prom"
LONG = {"DATABASE_READ_MAX_LAG_SECONDS": "60"}


@pytest.fixture
async def start(
    running: Start, replica: Replica, fresh_url: Callable[[str], str]
) -> AsyncIterator[Callable[..., Any]]:
    """Start a Factory Core that uses the replica, and give its address."""

    async def begin(**more: str) -> str:
        name = fresh_url("factory-core").rpartition("/")[2]
        await asyncio.to_thread(replica.catch_up)
        process = running("factory-core", env={"DATABASE_READ_URL": replica.url(name), **more})
        await until_usable(process.base_url)
        return process.base_url

    yield begin
    await asyncio.to_thread(replica.heal)
    await asyncio.to_thread(replica.catch_up)  # before the database is dropped: that is replayed, too


async def metrics_of(base_url: str) -> dict[str, float]:
    async with client_of(base_url) as client:
        text = (await client.get("/metrics")).text
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("vfactory_database_re")
    }


async def until_usable(base_url: str) -> None:
    for _ in range(400):
        if (await metrics_of(base_url)).get("vfactory_database_replica_usable") == 1:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the replica was never used")


async def test_only_history_may_be_old(start: Callable[..., Any], running: Start, replica: Replica) -> None:
    base_url = await start(**LONG)
    running("factory-core", "worker")
    async with client_of(base_url, "admin") as client:
        factory = await build_factory(client, "press-1")
        await factory.send([reading(1)])
        await asyncio.to_thread(replica.catch_up)
        assert len(await factory.read()) == 1

        await asyncio.to_thread(replica.hold_back)
        await factory.send([reading(2)])
        assert len(await factory.read()) == 1, "the replica was not used"

        answer = await client.post(f"/v1/factories/{factory.factory_id}/equipment", json={"tag": "press-2"})
        assert answer.status_code == 201
        assert await factory.read("press-2") == []
        assert len((await client.get(f"/v1/factories/{factory.factory_id}/equipment")).json()["items"]) == 2
        later = await build_factory(client, "press-1")
        assert await later.read() == []  # and no 404 for a factory that the replica does not have
        await log_holds(client, factory, 5)

        await asyncio.to_thread(replica.catch_up)
        assert len(await factory.read()) == 2
    figures = await metrics_of(base_url)
    assert figures["vfactory_database_reads_total replica"] == 3
    assert figures["vfactory_database_reads_total primary"] == 2


async def log_holds(client: httpx.AsyncClient, factory: MeasuredFactory, count: int) -> None:
    """Wait until the worker has published so many events and the gap API tells of them."""
    for _ in range(400):
        answer = await client.get("/v1/event-log", params={"factory": str(factory.factory_id)})
        if len(answer.json()["items"]) == count == answer.json()["head"]:
            return
        await asyncio.sleep(0.025)
    raise AssertionError(answer.text)


async def test_history_is_answered_while_the_primary_is_away_also_of_metrics_never_asked_for_before(
    start: Callable[..., Any], hurt_postgres: Postgres, replica: Replica
) -> None:
    base_url, other = await start(), await start()
    async with client_of(base_url) as client, client_of(other) as stranger:
        factory = await build_factory(client, "press-1")
        await factory.send([reading(n) for n in range(3)])
        await asyncio.to_thread(replica.catch_up)
        await asyncio.to_thread(hurt_postgres.kill)
        assert (await factory.send([reading(4)])).status_code == 503
        assert len(await factory.read()) == 3
        assert len(await MeasuredFactory(stranger, factory.factory_id).read()) == 3
        unknown = {"source": "press-9", "metric": "force"}
        assert (await stranger.get(factory.path, params=unknown)).status_code == 503
        await asyncio.to_thread(hurt_postgres.start)


async def test_a_dead_replica_is_no_matter_of_health(start: Callable[..., Any], replica: Replica) -> None:
    base_url = await start()
    async with client_of(base_url) as client:
        factory = await build_factory(client, "press-1")
        await factory.send([reading(1)])
        await asyncio.to_thread(replica.kill)
        assert len(await factory.read()) == 1
        health = await client.get("/health")
        assert (health.status_code, set(health.json())) == (
            200,
            {"status", "timestamp", "database", "redis"},
        )
        assert (await metrics_of(base_url))["vfactory_database_replica_usable"] == 0


async def test_the_sample_for_the_rules_is_what_is_exposed(start: Callable[..., Any]) -> None:
    sampled = {
        sample.name + "".join(f" {value}" for value in sample.labels.values())
        for family in text_string_to_metric_families(SAMPLE.read_text("utf-8"))
        for sample in family.samples
    }
    assert set(await metrics_of(await start())) == sampled


async def test_without_a_replica_nothing_is_told_of_one(running: Start) -> None:
    assert await metrics_of(running("factory-core").base_url) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_READ_URL", "mysql://user:hunter2@db/x"), ("DATABASE_READ_MAX_LAG_SECONDS", "0")],
)
def test_a_wrong_setting_ends_the_start(running: Start, name: str, value: str) -> None:
    process = running("factory-core", env={name: value}, wait=False)
    assert process.wait_exit() == 78
    assert name in "".join(process.lines)
    assert "hunter2" not in "".join(process.lines)
