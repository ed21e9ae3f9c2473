"""The worker as a process, beside a real Factory Core: from a reading over HTTP to an event on the stream."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from incident_event.publisher import FETCH_FAILURES, FactoryCoreClient, FactoryCoreError
from incident_event.settings import IncidentEventSettings
from support.kit.events import eventually
from support.plant.bare_client import client_of
from support.plant.factory_core import MeasuredFactory, build_factory, reading
from support.plant.incident_event import RULE, listening
from support.servers import AUTH_SECRET, RunningProcess, Templates, Valkey, environment, package
from utils.clock import utc_now
from utils.settings import SettingsError

FORCE = {**RULE, "equipment": "press-1", "metric": "force", "on_delay_seconds": 5}


class System:
    """Both services with their workers, on databases of their own."""

    def __init__(self, templates: Templates, valkey: Valkey, directory: Path) -> None:
        self._directory = directory
        self._variables = {
            name: environment(name, templates.copy(name, f"system_{package(name)}"), valkey.url())
            for name in ("factory-core", "incident-event")
        }
        self.factory_core = self._start("factory-core", "api")
        self._variables["incident-event"]["INCIDENT_EVENT_FACTORY_CORE_URL"] = self.factory_core.base_url
        self.relay = self._start("factory-core", "worker")
        self.incident_event = self._start("incident-event", "api")
        self.worker = self.start_worker()
        for process in (self.factory_core, self.relay, self.incident_event, self.worker):
            process.wait_ready()
        self.factory_core_client = client_of(self.factory_core.base_url)
        self.client = client_of(self.incident_event.base_url)

    def _start(self, service: str, command: str) -> RunningProcess:
        return RunningProcess(package(service), command, self._variables[service], cwd=self._directory)

    def start_worker(self) -> RunningProcess:
        return self._start("incident-event", "worker")

    async def kill_worker(self, *, after: float) -> None:
        await asyncio.sleep(after)
        self.worker.kill()

    async def close(self) -> None:
        await self.client.aclose()
        await self.factory_core_client.aclose()
        for process in (self.worker, self.incident_event, self.relay, self.factory_core):
            process.kill()

    async def watched_factory(self) -> tuple[MeasuredFactory, str]:
        factory = await build_factory(self.factory_core_client, "press-1")
        body = {"factory_id": str(factory.factory_id), **FORCE}
        answer = await self.client.post("/v1/rules", json=body)
        assert answer.status_code == 201, answer.text
        return factory, answer.json()["id"]

    async def rule_state(self, rule_id: str) -> Any:
        return (await self.client.get(f"/v1/rules/{rule_id}")).json()["state"]

    async def evaluated(self, rule_id: str, count: int) -> Any:
        """Wait until so many readings are evaluated."""

        async def are_evaluated() -> bool:
            return bool((await self.rule_state(rule_id))["evaluated_readings"] >= count)

        await eventually(are_evaluated, seconds=30)
        return await self.rule_state(rule_id)

    async def incidents(self, factory_id: UUID) -> list[Any]:
        answer = await self.client.get("/v1/incidents", params={"factory": str(factory_id)})
        items: list[Any] = answer.json()["items"]
        return items


@pytest.fixture(scope="module")
async def system(
    templates: Templates, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    made = System(templates, valkey, tmp_path_factory.mktemp("system"))
    yield made
    await made.close()


def batch(*pairs: tuple[float, float]) -> list[dict[str, Any]]:
    return [reading(second, value) for second, value in pairs]


async def test_a_reading_becomes_one_incident_through_every_loss(system: System, hurt_valkey: Valkey) -> None:
    factory, rule_id = await system.watched_factory()
    async with listening(system.client, factory.factory_id, last_id=0) as listener:
        assert (await listener.next()).type == "rule.created.v1"

        await factory.send(batch((0, 1.0), (10, 11.0), (15, 11.0)))
        reported = await listener.next()
        assert reported.type == "incident.reported.v1"
        assert reported.data["payload"]["occurred_at"] == "2026-01-15T10:30:15Z"

        system.worker.kill()
        await factory.send(batch((20, 11.0), (21, 1.0)))
        hurt_valkey.flush()
        system.worker = system.start_worker()
        assert (await listener.next(seconds=30)).type == "incident.condition_cleared.v1"

        hurt_valkey.stop()
        await factory.send(batch((30, 11.0), (35, 11.0)))
        recurred = await listener.next(seconds=30)
        assert recurred.type == "incident.condition_recurred.v1"
        assert recurred.data["payload"]["occurrences"] == 2
        hurt_valkey.start()

    state = await system.evaluated(rule_id, 7)
    assert (state["condition"], state["evaluated_readings"], state["late_readings"]) == ("active", 7, 0)
    [incident] = await system.incidents(factory.factory_id)
    assert (incident["occurrences"], incident["condition"]) == (2, "active")
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"{system.worker.wait_ready().base_url}/metrics")).text
    assert 'vfactory_incidents_open{severity="4"}' in text
    assert "vfactory_detection_latency_seconds_count 1.0" in text
    assert await asyncio.to_thread(system.worker.stop) == 0
    system.worker = system.start_worker()


async def test_killed_again_and_again_a_worker_loses_and_doubles_nothing(system: System) -> None:
    factory, rule_id = await system.watched_factory()
    for round_ in range(5):
        await asyncio.to_thread(system.worker.wait_ready)
        await system.evaluated(rule_id, 12 * max(0, round_ - 1))  # it consumes again, what the last kill left
        killing = asyncio.create_task(system.kill_worker(after=0.015 * round_))
        for step in range(4):
            second = 100.0 * round_ + 20 * step
            await factory.send(batch((second, 11.0), (second + 5, 11.0), (second + 6, 1.0)))
        await killing
        system.worker = system.start_worker()
    state = await system.evaluated(rule_id, 60)
    assert (state["evaluated_readings"], state["condition"]) == (60, "normal")
    [incident] = await system.incidents(factory.factory_id)
    assert (incident["occurrences"], incident["condition"]) == (20, "cleared")
    async with listening(system.client, factory.factory_id, last_id=0) as listener:
        types = [message.type.split(".")[1] for message in await listener.take(41)]
    assert (
        types
        == ["created", "reported", "condition_cleared"] + ["condition_recurred", "condition_cleared"] * 19
    )


async def test_a_rule_applies_to_every_reading_accepted_after_its_201(system: System) -> None:
    factory = await build_factory(system.factory_core_client, "press-1")
    for number in range(15):
        await factory.send(batch((number, 99.0)))
        body = {"factory_id": str(factory.factory_id), **FORCE, "on_delay_seconds": 0, "name": str(number)}
        rule_id = (await system.client.post("/v1/rules", json=body)).json()["id"]
        await factory.send(batch((number + 0.5, 99.0)))
        state = await system.evaluated(rule_id, 1)
        assert state["condition"] == "active"
    assert len(await system.incidents(factory.factory_id)) == 15


def client_settings(url: str, **more: Any) -> IncidentEventSettings:
    return IncidentEventSettings(
        database_url="postgresql://u:p@h/d",
        redis_url="redis://h",
        factory_core_url=url,
        **{"auth_secret": AUTH_SECRET, **more},
    )


def failures(reason: str) -> float:
    return float(FETCH_FAILURES.labels("factory-core", reason)._value.get())


async def test_a_factory_core_that_is_away_or_refuses_is_an_error_and_counted(
    shared_service: RunningProcess,
) -> None:
    for url, reason in (("http://127.0.0.1:1", "connection"), (shared_service.base_url, "status")):
        before = failures(reason)
        client = FactoryCoreClient(client_settings(url), utc_now)
        with pytest.raises(FactoryCoreError):
            await client.fetch_gap(UUID(int=1), 0, 10)
        with pytest.raises(FactoryCoreError):
            await client.fetch_heads()
        assert failures(reason) == before + 2
        await client.close()


def test_without_a_secret_the_worker_needs_a_token_file() -> None:
    settings = client_settings("http://x", auth_secret=None, auth_jwks_url="http://y/keys")
    with pytest.raises(SettingsError, match="INCIDENT_EVENT_SERVICE_TOKEN_FILE"):
        FactoryCoreClient(settings, utc_now)
