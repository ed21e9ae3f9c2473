"""Workers that share the factories: all of them work, and what one leaves the others take over."""

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from incident_event.worker import PARTITIONS
from running_stack import wait_for
from servers import RunningProcess
from utils.clock import utc_now

FACTORIES = 16
RULE = {"equipment": "tank-1", "metric": "level", "operator": ">", "threshold": 5, "severity": 4}


class Plant:
    """Factory Core, Incident Event's API, two of its workers, and factories with a rule each."""

    def __init__(self, running: Callable[..., RunningProcess], client: httpx.Client) -> None:
        self.client = client
        self.core = running("factory-core")
        running("factory-core", "worker")
        variables = {"INCIDENT_EVENT_FACTORY_CORE_URL": self.core.base_url}
        self.events = running("incident-event", env=variables)
        self.workers = [running("incident-event", "worker", env=variables) for _ in range(2)]
        self.factories = [self._build(f"Plant {number}") for number in range(FACTORIES)]
        self.sent = 0

    def _build(self, name: str) -> str:
        core, events = f"{self.core.base_url}/v1/factories", f"{self.events.base_url}/v1/rules"
        factory = str(self.post(core, name=name)["id"])
        self.post(f"{core}/{factory}/equipment", tag="tank-1", name="Tank", kind="tank")
        self.post(events, factory_id=factory, name="Overfull", **RULE)
        return factory

    def post(self, url: str, **body: Any) -> dict[str, Any]:
        answer = self.client.post(url, json=body)
        answer.raise_for_status()
        said: dict[str, Any] = answer.json()
        return said

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
            url = f"{self.core.base_url}/v1/factories/{factory}/readings"
            self.post(url, batch_id=f"batch-{self.sent}", readings=readings)

    def occurrences(self) -> list[int]:
        """How many times each factory's rule has been broken, as its incidents tell."""
        url = f"{self.events.base_url}/v1/incidents"
        answers = [
            self.client.get(url, params={"factory": factory}).json()["items"] for factory in self.factories
        ]
        return [sum(incident["occurrences"] for incident in incidents) for incidents in answers]

    def evaluated(self) -> list[int]:
        """How many readings each factory's rule has seen."""
        url = f"{self.events.base_url}/v1/rules"
        answers = [
            self.client.get(url, params={"factory": factory}).json()["items"] for factory in self.factories
        ]
        return [rule["state"]["evaluated_readings"] for rules in answers for rule in rules]


def figure(worker: RunningProcess, name: str) -> float:
    text = httpx.get(f"{worker.base_url}/metrics", timeout=5).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == name)


def held(worker: RunningProcess) -> float:
    return figure(worker, "vfactory_consumer_partitions_held")


@pytest.fixture
def plant(running: Callable[..., RunningProcess], make_token: Callable[..., str]) -> Iterator[Plant]:
    headers = {"Authorization": f"Bearer {make_token('engineer')}"}
    with httpx.Client(headers=headers, timeout=20) as client:
        plant = Plant(running, client)
        wait_for(lambda: [held(worker) for worker in plant.workers] == [PARTITIONS / 2] * 2)
        yield plant


def test_all_workers_work(plant: Plant) -> None:
    plant.overflow()
    wait_for(lambda: plant.evaluated() == [2] * FACTORIES)
    watched = [figure(worker, "vfactory_rules_watched") for worker in plant.workers]
    assert min(watched) > 0
    assert sum(watched) == FACTORIES


@pytest.mark.timeout(240)
def test_what_a_frozen_worker_leaves_the_other_takes_over_and_gives_back(plant: Plant) -> None:
    frozen, other = plant.workers
    plant.overflow()
    wait_for(lambda: plant.evaluated() == [2] * FACTORIES)
    frozen.process.send_signal(signal.SIGSTOP)
    try:
        plant.overflow()
        wait_for(lambda: held(other) == PARTITIONS)
        wait_for(lambda: plant.evaluated() == [4] * FACTORIES)
    finally:
        frozen.process.send_signal(signal.SIGCONT)
    wait_for(lambda: [held(worker) for worker in plant.workers] == [PARTITIONS / 2] * 2)
    plant.overflow()
    wait_for(lambda: plant.evaluated() == [6] * FACTORIES)
    assert plant.occurrences() == [3] * FACTORIES


def test_what_a_killed_worker_leaves_the_other_takes_over(plant: Plant) -> None:
    killed, other = plant.workers
    plant.overflow()
    killed.kill()
    plant.overflow()
    wait_for(lambda: plant.evaluated() == [4] * FACTORIES)
    assert held(other) == PARTITIONS
    assert plant.occurrences() == [2] * FACTORIES
