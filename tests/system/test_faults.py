"""Nothing answered with 2xx is lost or doubled, and no event is missed, whatever dies meanwhile."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from embedded import free_ports
from plant_client import AsyncPlantClient, Event, Json, Plant, Reset, Service, Subscription, UnreachableError
from support.servers import Postgres, RunningProcess, Valkey
from support.waiting import wait_until
from utils.clock import utc_now

READINGS = 2_000
BATCH = 10
INCIDENTS = 200
SENDERS = 4
RETRY_SECONDS = 0.2
PACE_SECONDS = 0.4  # so slowly that every kind of fault falls into the work
SILENCE_SECONDS = 4.0  # shorter than the pause between heartbeats: a silent stream is left and resumed

Start = Callable[..., RunningProcess]


class Processes:
    """All processes of two services on ports that stay the same when a process is started again."""

    def __init__(self, start: Start) -> None:
        self._start = start
        names = ("core", "core-worker", "events", "events-worker", "events-worker-2")
        self._ports = free_ports(names)
        self.running: dict[str, RunningProcess] = {}
        self.urls: dict[Service, str] = {
            "factory-core": f"http://127.0.0.1:{self._ports['core']}",
            "incident-event": f"http://127.0.0.1:{self._ports['events']}",
        }

    def start(self, name: str, *, wait: bool = True) -> None:
        service = "factory-core" if name.startswith("core") else "incident-event"
        self.running[name] = self._start(
            service,
            "worker" if "worker" in name else "api",
            env={"INCIDENT_EVENT_FACTORY_CORE_URL": self.urls["factory-core"], "DRAIN_SECONDS": "0"},
            port=self._ports[name],
            wait=wait,
        )

    def start_all(self) -> None:
        for name in self._ports:
            self.start(name, wait=False)
        for process in self.running.values():
            process.wait_ready()

    def kill_and_start(self, name: str) -> None:
        self.running[name].kill()
        self.start(name, wait=False)


@pytest.fixture
def processes(running: Start) -> Processes:
    processes = Processes(running)
    processes.start_all()
    return processes


async def send(
    client: AsyncPlantClient, service: Service, path: str, body: Json, *, key: str | None = None
) -> Json:
    """POST until it is answered with 2xx, as a careful gateway does; any 4xx is a failure of the test."""
    headers = {} if key is None else {"Idempotency-Key": key}
    while True:
        with suppress(UnreachableError):
            answer = await client.send(service, "POST", path, json=body, headers=headers)
            if answer.is_success:
                told: Json = answer.json()
                return told
            assert answer.status_code == 503, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert "Retry-After" in answer.headers
        await asyncio.sleep(RETRY_SECONDS)


class Listener:
    """Follows a factory from its first event and comes back after every break."""

    def __init__(self, factory: str) -> None:
        self.subscription = Subscription(
            factory, after=0, silence_seconds=SILENCE_SECONDS, longest_pause_seconds=RETRY_SECONDS
        )
        self.seen: list[Event | Reset] = []

    async def run(self, plant: Plant) -> None:
        async with AsyncPlantClient(plant) as client:
            while True:
                with suppress(UnreachableError):
                    async for item in client.follow(self.subscription):
                        self.seen.append(item)
                await asyncio.sleep(RETRY_SECONDS)

    def count(self, kind: str) -> int:
        return sum(isinstance(item, Event) and item.type == kind for item in self.seen)


@asynccontextmanager
async def listening(plant: Plant, factory: str) -> AsyncIterator[Listener]:
    listener = Listener(factory)
    task = asyncio.create_task(listener.run(plant))
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def faults(processes: Processes, postgres: Postgres, valkey: Valkey) -> list[Callable[[], Any]]:
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
            lambda name=name: during(lambda: processes.kill_and_start(name), lambda: None)
            for name in processes.running
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

    client: AsyncPlantClient
    factory: str
    accepted: int = 0
    reported: set[str] = field(default_factory=set)

    async def send_readings(self, queue: list[dict[str, Any]]) -> None:
        while queue:
            batch = queue.pop(0)
            path = f"/v1/factories/{self.factory}/readings"
            answer = await send(self.client, "factory-core", path, batch)
            assert answer["rejected"] == []
            assert answer["duplicates"] == 0, "the same batch id must get its first answer again"
            self.accepted += answer["accepted"]
            await asyncio.sleep(PACE_SECONDS)

    async def report_incidents(self, keys: list[str]) -> None:
        while keys:
            key = keys.pop(0)
            report = {"factory_id": self.factory, "type": "fall", "severity": 3, "title": key}
            answer = await send(self.client, "incident-event", "/v1/incidents", report, key=key)
            self.reported.add(answer["id"])
            await asyncio.sleep(PACE_SECONDS)


async def everything(
    client: AsyncPlantClient, service: Service, path: str, **parameters: object
) -> list[Json]:
    return [item async for item in client.items(service, path, **parameters)]


@pytest.mark.timeout(300)
async def test_what_was_accepted_during_random_faults_is_there_once_and_every_event_arrives_once(
    processes: Processes, hurt_postgres: Postgres, hurt_valkey: Valkey, make_token: Callable[..., str]
) -> None:
    token = make_token("engineer")
    plant = Plant(processes.urls, lambda: token)
    chance = random.Random(20261123)  # noqa: S311 - repeatable, not secret
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(AsyncPlantClient(plant, timeout_seconds=12))
        factory = (await send(client, "factory-core", "/v1/factories", {"name": "Faulty"}))["id"]
        tank = {"tag": "tank-1", "name": "Tank", "kind": "tank"}
        await send(client, "factory-core", f"/v1/factories/{factory}/equipment", tank)
        overfull = {
            "factory_id": factory,
            "name": "Overfull",
            "equipment": "tank-1",
            "metric": "level",
            "operator": ">",
            "threshold": 5,
            "on_delay_seconds": 1,
            "severity": 4,
        }
        rule = await send(client, "incident-event", "/v1/rules", overfull)
        listener = await stack.enter_async_context(listening(plant, factory))
        work = Work(client, factory)
        done = asyncio.Event()
        kinds = faults(processes, hurt_postgres, hurt_valkey)
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

        stored = await settled_readings(client, factory)
        assert len(stored) == READINGS
        await wait_until(lambda: evaluated(client, rule["id"]), "every reading is evaluated")
        await wait_until(
            lambda: listener.count("incident.reported.v1") >= INCIDENTS + 1, "every incident is announced"
        )
        incidents = await everything(client, "incident-event", "/v1/incidents", factory=factory)
        assert {one["id"] for one in incidents if one["source"] == "report"} == work.reported
        assert len([one for one in incidents if one["source"] == "rule"]) == 1
        sequence = [item.seq for item in listener.seen if isinstance(item, Event)]
        assert len(sequence) == len(listener.seen), "the stream was reset"
        assert listener.subscription.repeated == 0, "an event came twice"
        assert sequence == list(range(1, len(sequence) + 1)), "an event was missed or out of order"


async def settled_readings(client: AsyncPlantClient, factory: str) -> list[Json]:
    path = f"/v1/factories/{factory}/readings"
    stored: list[Json] = []

    async def answered() -> bool:
        with suppress(UnreachableError):
            stored[:] = await everything(
                client, "factory-core", path, source="tank-1", metric="level", limit=1000
            )
            return True
        return False

    await wait_until(answered, "Factory Core answers again")
    return stored


async def evaluated(client: AsyncPlantClient, rule: str) -> bool:
    with suppress(UnreachableError):
        state = (await client.get("incident-event", f"/v1/rules/{rule}"))["state"]
        counted = int(state["evaluated_readings"]) + int(state["late_readings"])
        assert counted <= READINGS, "a reading was evaluated twice"
        return counted == READINGS
    return False
