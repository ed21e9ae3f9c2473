"""P6's second half: how fast Incident Event's worker evaluates a backlog, and what a second worker adds.

The backlog is in the streams before a worker starts; what is measured begins when the workers have divided
the factories and ends at four fifths, so that neither a start nor the last factory of one of them counts. No
reading breaks a rule: that is what nearly all of them are like. Database and workers share the machine's
cores, so on two of them a second worker adds what PostgreSQL and the first leave.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx

from benchmarks.harness import Goal, Options, Result, interleave
from benchmarks.harness.stack import plant_at, servers, service
from incident_event.worker import PARTITIONS
from plant_client import PlantClient

ONE = Goal("P6", "one worker evaluates 224 rules over 224 sources", "readings/s", 30_000, "at least")
TWO = Goal("P6", "two workers beside one, 32 factories", "readings/s", 1.2, "at least")

FACTORIES: Final = 32
SOURCES: Final = 7
READINGS: Final = 1000
MEASURED: Final = 0.8
HELD: Final = "vfactory_consumer_partitions_held"
FIRST: Final = datetime(2020, 1, 1, tzinfo=UTC)
FORGET: Final = """
    DELETE FROM incident_event.consumer_positions;
    DELETE FROM incident_event.series_readings;
    UPDATE incident_event.rule_states SET evaluated_readings = 0, late_readings = 0, newest_us = NULL,
        since_us = NULL, floor_us = NULL, checkpoint_since_us = NULL, first_seq = NULL
"""


def run(options: Options) -> list[Result]:
    """Let one worker and two of them work through the same backlog in turn."""
    with servers() as environment, contextlib.ExitStack() as stack:
        core = stack.enter_context(service("factory_core", "api", environment))
        relay = stack.enter_context(service("factory_core", "worker", environment))
        environment |= {"INCIDENT_EVENT_FACTORY_CORE_URL": f"http://127.0.0.1:{core}"}
        events = stack.enter_context(service("incident_event", "api", environment))
        batches = options.scaled(160, 120)
        _fill(core, events, batches)
        _until(lambda: _figure(relay, "vfactory_outbox_pending") == 0)
        subjects = {
            name: lambda workers=workers: _rate(environment, workers, batches)
            for name, workers in (("one", 1), ("two", 2))
        }
        figures = interleave(subjects, options)
    return [ONE.judge(figures["one"]), TWO.judge(figures["two"], figures["one"])]


def _rate(environment: dict[str, str], workers: int, batches: int) -> float:
    """Give the readings a second that so many workers evaluate of the whole backlog."""
    asyncio.run(_forget(environment["DATABASE_URL"]))
    with contextlib.ExitStack() as stack:
        ports = [
            stack.enter_context(service("incident_event", "worker", environment, wait=False))
            for _ in range(workers)
        ]
        _until(lambda: [_figure(port, HELD) for port in ports] == [PARTITIONS / workers] * workers)
        began, first = time.perf_counter(), _evaluated(ports)
        every = FACTORIES * batches * READINGS
        if first > every * MEASURED * 0.75:
            raise RuntimeError("the backlog is too small: most of it was evaluated before all workers worked")
        _until(lambda: _evaluated(ports) >= every * MEASURED)
        rate = (_evaluated(ports) - first) / (time.perf_counter() - began)
        _until(lambda: all(_figure(port, "vfactory_consumer_lag_events") == 0 for port in ports))
    kept = asyncio.run(_kept(environment["DATABASE_URL"]))
    if kept != every:
        raise RuntimeError(f"{kept} readings were evaluated, and not every one once")
    return rate


def _evaluated(ports: list[int]) -> float:
    """Every reading has one rule, so it is evaluated once."""
    return sum(_figure(port, "vfactory_readings_evaluated_total") for port in ports)


def _figure(port: int, name: str) -> float:
    """Sum a metric over its labels; 0 while the process does not answer yet."""
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=10).text
    except httpx.TransportError:
        return 0.0
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if _is(line, name))


def _is(line: str, name: str) -> bool:
    return line.startswith((f"{name} ", f"{name}{{"))


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the workers do not get on")
        time.sleep(0.02)


async def _forget(url: str) -> None:
    """Set the worker back to where it has seen nothing."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(FORGET)
    finally:
        await connection.close()


async def _kept(url: str) -> int:
    """Give how many readings the rules' states say were evaluated."""
    connection = await asyncpg.connect(url)
    try:
        return int(
            await connection.fetchval("SELECT sum(evaluated_readings) FROM incident_event.rule_states")
        )
    finally:
        await connection.close()


def _fill(core: int, events: int, batches: int) -> None:
    plant = plant_at({"factory-core": core, "incident-event": events})
    with PlantClient(plant, timeout_seconds=60) as client, ThreadPoolExecutor(4) as senders:
        for _ in senders.map(lambda number: _fill_factory(client, number, batches), range(FACTORIES)):
            pass


def _fill_factory(client: PlantClient, number: int, batches: int) -> None:
    made = client.post("factory-core", "/v1/factories", {"name": f"benchmark {number}"})
    path = f"/v1/factories/{made['id']}"
    for source in range(SOURCES):
        client.post("factory-core", f"{path}/equipment", {"tag": f"source-{source}"})
        rule = {
            "factory_id": made["id"],
            "name": f"rule {source}",
            "equipment": f"source-{source}",
            "metric": "level",
            "operator": ">",
            "threshold": 100,
            "severity": 3,
        }
        client.post("incident-event", "/v1/rules", rule)
    for batch in range(batches):
        body = {"batch_id": uuid4().hex, "readings": _readings(batch)}
        client.post("factory-core", f"{path}/readings", body)


def _readings(batch: int) -> list[dict[str, Any]]:
    return [
        {
            "source": f"source-{place % SOURCES}",
            "metric": "level",
            "at": (FIRST + timedelta(milliseconds=10 * (batch * READINGS + place))).isoformat(),
            "value": 20.5 + place / 7 % 50,
        }
        for place in range(READINGS)
    ]
