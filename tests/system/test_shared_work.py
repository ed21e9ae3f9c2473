"""Workers that share the factories: all of them work, and what one leaves the others take over."""

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from incident_event.worker import PARTITIONS
from plant_client import Json, Plant, PlantClient, Service
from support.servers import AUTH_SECRET, RunningProcess, stop_all
from support.waiting import wait_for
from utils.auth import Role, issue_token
from utils.clock import utc_now

FACTORIES = 16
RULE = {"equipment": "tank-1", "metric": "level", "operator": ">", "threshold": 5, "severity": 4}


class SharedPlant:
    """Factory Core, Incident Event's API, two of its workers, and factories with a rule each."""

    def __init__(self, launch: Callable[..., RunningProcess], token: Callable[[], str]) -> None:
        start = partial(launch, shared="shared_work")
        self._core, self._core_worker = start("factory-core"), start("factory-core", "worker")
        self._start = partial(start, "incident-event", INCIDENT_EVENT_FACTORY_CORE_URL=self._core.base_url)
        self._events = self._start()
        urls: dict[Service, str] = {
            "factory-core": self._core.base_url,
            "incident-event": self._events.base_url,
        }
        self.client = PlantClient(Plant(urls, token))
        self.workers = [self._start("worker") for _ in range(2)]
        self.factories = [self._build(f"Plant {number}") for number in range(FACTORIES)]
        self.sent = 0

    def heal(self) -> None:
        """Start again the workers that have ended, and wait until all share the work."""
        self.workers = [
            worker if worker.process.poll() is None else self._start("worker") for worker in self.workers
        ]
        wait_for(lambda: [held(worker) for worker in self.workers] == [PARTITIONS / 2] * 2)

    def stop(self) -> None:
        stop_all((*self.workers, self._events, self._core_worker, self._core))

    @property
    def is_evaluated(self) -> bool:
        """Whether every factory's rule has seen every reading that was sent, once."""
        return self.evaluated() == [2 * self.sent] * FACTORIES

    def _build(self, name: str) -> str:
        factory = str(self.client.post("factory-core", "/v1/factories", {"name": name})["id"])
        tank = {"tag": "tank-1", "name": "Tank", "kind": "tank"}
        self.client.post("factory-core", f"/v1/factories/{factory}/equipment", tank)
        rule = {"factory_id": factory, "name": "Overfull", **RULE}
        self.client.post("incident-event", "/v1/rules", rule)
        return factory

    def overflow(self) -> None:
        """Send a reading beyond the limit and one that is back, of every factory: one occurrence each."""
        now = utc_now() - timedelta(minutes=10) + timedelta(seconds=self.sent)
        self.sent += 1
        times = [(now + timedelta(milliseconds=500 * number)).isoformat() for number in range(2)]
        readings = [
            {"source": "tank-1", "metric": "level", "at": at, "value": value}
            for at, value in zip(times, (9.0, 1.0), strict=True)
        ]
        for factory in self.factories:
            batch = {"batch_id": f"batch-{self.sent}", "readings": readings}
            self.client.post("factory-core", f"/v1/factories/{factory}/readings", batch)

    def occurrences(self) -> list[int]:
        """How many times each factory's rule has been broken, as its incidents tell."""
        return [
            sum(incident["occurrences"] for incident in self._listed("/v1/incidents", factory))
            for factory in self.factories
        ]

    def evaluated(self) -> list[int]:
        """How many readings each factory's rule has seen."""
        return [
            rule["state"]["evaluated_readings"]
            for factory in self.factories
            for rule in self._listed("/v1/rules", factory)
        ]

    def _listed(self, path: str, factory: str) -> Iterator[Json]:
        return self.client.items("incident-event", path, factory=factory)


def figure(worker: RunningProcess, name: str) -> float:
    text = httpx.get(f"{worker.base_url}/metrics", timeout=5).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == name)


def held(worker: RunningProcess) -> float:
    return figure(worker, "vfactory_consumer_partitions_held")


@pytest.fixture(scope="module")
def shared_plant(launch: Callable[..., RunningProcess]) -> Iterator[SharedPlant]:
    plant = SharedPlant(launch, lambda: issue_token(AUTH_SECRET, subject="tester", role=Role.ENGINEER))
    with plant.client:
        yield plant
    plant.stop()


@pytest.fixture
def plant(shared_plant: SharedPlant) -> SharedPlant:
    shared_plant.heal()
    return shared_plant


def test_all_workers_work(plant: SharedPlant) -> None:
    plant.overflow()
    wait_for(lambda: plant.is_evaluated)
    watched = [figure(worker, "vfactory_rules_watched") for worker in plant.workers]
    assert min(watched) > 0
    assert sum(watched) == FACTORIES


@pytest.mark.timeout(240)
def test_what_a_frozen_worker_leaves_the_other_takes_over_and_gives_back(plant: SharedPlant) -> None:
    frozen, other = plant.workers
    plant.overflow()
    wait_for(lambda: plant.is_evaluated)
    frozen.process.send_signal(signal.SIGSTOP)
    try:
        plant.overflow()
        wait_for(lambda: held(other) == PARTITIONS)
        wait_for(lambda: plant.is_evaluated)
    finally:
        frozen.process.send_signal(signal.SIGCONT)
    wait_for(lambda: [held(worker) for worker in plant.workers] == [PARTITIONS / 2] * 2)
    plant.overflow()
    wait_for(lambda: plant.is_evaluated)
    assert plant.occurrences() == [plant.sent] * FACTORIES


def test_what_a_killed_worker_leaves_the_other_takes_over(plant: SharedPlant) -> None:
    killed, other = plant.workers
    plant.overflow()
    killed.kill()
    plant.overflow()
    wait_for(lambda: plant.is_evaluated)
    assert held(other) == PARTITIONS
    assert plant.occurrences() == [plant.sent] * FACTORIES
