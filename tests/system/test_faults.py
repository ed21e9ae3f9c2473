"""Nothing answered with 2xx is lost or doubled, and no event is missed, whatever dies meanwhile."""

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from embedded import free_port
from servers import Postgres, RunningProcess, Valkey
from utils.clock import utc_now

READINGS = 2_000
BATCH = 10
INCIDENTS = 200
SENDERS = 4
RETRY_SECONDS = 0.2
PACE_SECONDS = 0.4  # so slowly that every kind of fault falls into the work
SETTLE_SECONDS = 60.0

Start = Callable[..., RunningProcess]


class Plant:
    """All processes of two services on ports that stay the same when a process is started again."""

    def __init__(self, running: Start) -> None:
        self._running = running
        names = ("core", "core-worker", "events", "events-worker", "events-worker-2")
        self._ports = {name: free_port() for name in names}
        self.processes: dict[str, RunningProcess] = {}

    @property
    def core(self) -> str:
        return f"http://127.0.0.1:{self._ports['core']}"

    @property
    def events(self) -> str:
        return f"http://127.0.0.1:{self._ports['events']}"

    def start(self, name: str, *, wait: bool = True) -> None:
        service = "factory-core" if name.startswith("core") else "incident-event"
        self.processes[name] = self._running(
            service,
            "worker" if "worker" in name else "api",
            env={"INCIDENT_EVENT_FACTORY_CORE_URL": self.core, "DRAIN_SECONDS": "0"},
            port=self._ports[name],
            wait=wait,
        )

    def start_all(self) -> None:
        for name in self._ports:
            self.start(name, wait=False)
        for process in self.processes.values():
            process.wait_ready()

    def kill_and_start(self, name: str) -> None:
        self.processes[name].kill()
        self.start(name, wait=False)


@pytest.fixture
def plant(running: Start) -> Plant:
    plant = Plant(running)
    plant.start_all()
    return plant


async def send(client: httpx.AsyncClient, url: str, **request: Any) -> dict[str, Any]:
    """POST until it is answered with 2xx, as a careful gateway does; any 4xx is a failure of the test."""
    while True:
        with suppress(httpx.TransportError):
            answer = await client.post(url, **request)
            if answer.is_success:
                body: dict[str, Any] = answer.json()
                return body
            assert answer.status_code == 503, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert "Retry-After" in answer.headers
        await asyncio.sleep(RETRY_SECONDS)


@dataclass
class Listener:
    """An SSE client that comes back with the last id it saw, for ever."""

    url: str
    factory: str
    token: str
    after: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def run(self) -> None:
        async with httpx.AsyncClient(timeout=httpx.Timeout(3, read=4)) as client:
            while True:
                with suppress(httpx.HTTPError, ConnectionError):
                    await self._listen(client)
                await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self, client: httpx.AsyncClient) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Last-Event-ID": str(self.after)}
        parameters = {"factory": self.factory}
        url = f"{self.url}/v1/events"
        async with client.stream("GET", url, params=parameters, headers=headers) as answer:
            if answer.status_code != httpx.codes.OK:
                return
            identifier = ""
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    identifier = value
                elif name == "data" and identifier:
                    self.seen.append(json.loads(value))
                    self.after = int(identifier)

    def count(self, kind: str) -> int:
        return sum(event["type"] == kind for event in self.seen)


@asynccontextmanager
async def listening(listener: Listener) -> AsyncIterator[Listener]:
    task = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until the plant has settled; the bound is generous, it only ends a hopeless test."""
    async with asyncio.timeout(SETTLE_SECONDS):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.2)
    raise AssertionError(what)


def faults(plant: Plant, postgres: Postgres, valkey: Valkey) -> list[Callable[[], Any]]:
    """Every way to hurt the plant; what is frozen or dead is healed half a second later."""

    async def during(hurt: Callable[[], None], heal: Callable[[], None]) -> None:
        await asyncio.to_thread(hurt)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(heal)

    return [
        lambda: during(postgres.kill, postgres.start),
        lambda: during(postgres.pause, postgres.resume),
        lambda: during(postgres.terminate_sessions, lambda: None),
        lambda: during(valkey.kill, valkey.start),
        lambda: during(valkey.pause, valkey.resume),
        lambda: during(valkey.flush, lambda: None),
        lambda: during(valkey.terminate_sessions, lambda: None),
        *(
            lambda name=name: during(lambda: plant.kill_and_start(name), lambda: None)
            for name in plant.processes
        ),
    ]


async def hurt_at_random(kinds: list[Callable[[], Any]], chance: random.Random, done: asyncio.Event) -> int:
    """Commit every kind of fault, in random order, again and again until the work is done; say how many."""
    committed = 0
    while True:
        for commit in chance.sample(kinds, len(kinds)):
            if done.is_set():
                return committed
            await commit()
            committed += 1
            await asyncio.sleep(chance.uniform(0.1, 0.6))


def batches(start: datetime) -> list[dict[str, Any]]:
    """2,000 readings, 10 ms apart: a level that stays beyond 5 for the last quarter of the time."""
    values = [float(number % 5) for number in range(READINGS * 3 // 4)]
    values += [9.0] * (READINGS - len(values))
    readings = [
        {
            "source": "tank-1",
            "metric": "level",
            "at": (start + timedelta(milliseconds=10 * number)).isoformat(),
            "value": value,
        }
        for number, value in enumerate(values)
    ]
    return [
        {"batch_id": f"batch-{number}", "readings": readings[number : number + BATCH]}
        for number in range(0, READINGS, BATCH)
    ]


@dataclass
class Work:
    """What the gateway and the operators send, and what they were told."""

    client: httpx.AsyncClient
    plant: Plant
    factory: str
    accepted: int = 0
    reported: set[str] = field(default_factory=set)

    async def send_readings(self, queue: list[dict[str, Any]]) -> None:
        while queue:
            batch = queue.pop(0)
            url = f"{self.plant.core}/v1/factories/{self.factory}/readings"
            answer = await send(self.client, url, json=batch)
            assert answer["rejected"] == []
            assert answer["duplicates"] == 0, "the same batch id must get its first answer again"
            self.accepted += answer["accepted"]
            await asyncio.sleep(PACE_SECONDS)

    async def report_incidents(self, keys: list[str]) -> None:
        while keys:
            key = keys.pop(0)
            answer = await send(
                self.client,
                f"{self.plant.events}/v1/incidents",
                json={"factory_id": self.factory, "type": "fall", "severity": 3, "title": key},
                headers={"Idempotency-Key": key},
            )
            self.reported.add(answer["id"])
            await asyncio.sleep(PACE_SECONDS)


async def pages(client: httpx.AsyncClient, url: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = await client.get(url, params=parameters | ({"cursor": cursor} if cursor else {}))
        answer.raise_for_status()
        items += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return items


@pytest.mark.timeout(300)
async def test_what_was_accepted_during_random_faults_is_there_once_and_every_event_arrives_once(
    plant: Plant, hurt_postgres: Postgres, hurt_valkey: Valkey, make_token: Callable[..., str]
) -> None:
    token = make_token("engineer")
    chance = random.Random(20261123)  # noqa: S311 - repeatable, not secret
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            httpx.AsyncClient(timeout=12, headers={"Authorization": f"Bearer {token}"})
        )
        factory = (await send(client, f"{plant.core}/v1/factories", json={"name": "Faulty"}))["id"]
        await send(
            client,
            f"{plant.core}/v1/factories/{factory}/equipment",
            json={"tag": "tank-1", "name": "Tank", "kind": "tank"},
        )
        rule = await send(
            client,
            f"{plant.events}/v1/rules",
            json={
                "factory_id": factory,
                "name": "Overfull",
                "equipment": "tank-1",
                "metric": "level",
                "operator": ">",
                "threshold": 5,
                "on_delay_seconds": 1,
                "severity": 4,
            },
        )
        listener = await stack.enter_async_context(listening(Listener(plant.events, factory, token)))
        work = Work(client, plant, factory)
        done = asyncio.Event()
        kinds = faults(plant, hurt_postgres, hurt_valkey)
        chaos = asyncio.create_task(hurt_at_random(kinds, chance, done))
        queue = batches(utc_now() - timedelta(hours=1))
        keys = [f"report-{number}-{uuid.uuid4().hex}" for number in range(INCIDENTS)]
        try:
            await asyncio.gather(
                *(work.send_readings(queue) for _ in range(SENDERS)),
                *(work.report_incidents(keys) for _ in range(SENDERS)),
            )
        finally:
            done.set()
            committed = await chaos

        assert committed >= len(kinds), "every kind of fault must fall into the work"
        assert work.accepted == READINGS
        assert len(work.reported) == INCIDENTS

        stored = await settled_readings(client, plant, factory)
        assert len(stored) == READINGS
        await until(lambda: evaluated(client, plant, rule["id"]), "every reading is evaluated")
        await until(
            lambda: listener.count("incident.reported.v1") >= INCIDENTS + 1, "every incident is announced"
        )
        incidents = await pages(client, f"{plant.events}/v1/incidents", {"factory": factory, "limit": 200})
        assert {one["id"] for one in incidents if one["source"] == "report"} == work.reported
        assert len([one for one in incidents if one["source"] == "rule"]) == 1
        sequence = [event["seq"] for event in listener.seen]
        assert sequence == list(range(1, len(sequence) + 1)), "an event was missed, doubled or out of order"


async def settled_readings(client: httpx.AsyncClient, plant: Plant, factory: str) -> list[dict[str, Any]]:
    url = f"{plant.core}/v1/factories/{factory}/readings"
    parameters = {"source": "tank-1", "metric": "level", "limit": 1000}
    stored: list[dict[str, Any]] = []

    async def answered() -> bool:
        with suppress(httpx.HTTPError):
            stored[:] = await pages(client, url, parameters)
            return True
        return False

    await until(answered, "Factory Core answers again")
    return stored


async def evaluated(client: httpx.AsyncClient, plant: Plant, rule: str) -> bool:
    with suppress(httpx.TransportError):
        answer = await client.get(f"{plant.events}/v1/rules/{rule}")
        if answer.is_success:
            state = answer.json()["state"]
            counted = int(state["evaluated_readings"]) + int(state["late_readings"])
            assert counted <= READINGS, "a reading was evaluated twice"
            return counted == READINGS
    return False
