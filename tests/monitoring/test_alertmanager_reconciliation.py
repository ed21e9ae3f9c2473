"""Incidents against a real Alertmanager's list: what it forgot ends, and what nobody told of opens."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.platform import PLATFORM_FACTORY_ID
from embedded import free_port
from plant_client import Plant, PlantClient
from support.monitoring.alertmanager import Alertmanager, run_hurried_alertmanager
from support.servers import AUTH_SECRET, RunningProcess
from support.waiting import wait_for
from utils.auth import Role, issue_token

NAME = "VFactoryDatabaseDown"


class Platform:
    """An Incident Event with its worker, and an Alertmanager that comes and goes at one address."""

    def __init__(self, api: RunningProcess, folder: Path, stack: ExitStack) -> None:
        self.api = api
        self._folder = folder
        self._stack = stack
        self._number = 0
        token = issue_token(AUTH_SECRET, subject="kim", role=Role.VIEWER)
        self._client = PlantClient(Plant({"incident-event": api.base_url}, lambda: token))
        stack.callback(self._client.close)

    def alertmanager(self, stack: ExitStack, *, port: int, webhook: str | None = None) -> Alertmanager:
        """Start one with an empty state, which tells the API, or another address."""
        self._number += 1
        folder = self._folder / str(self._number)
        folder.mkdir()
        token = issue_token(AUTH_SECRET, subject="alertmanager", role=Role.ALERTMANAGER)
        address = webhook or f"{self.api.base_url}/v1/webhooks/alertmanager"
        return stack.enter_context(run_hurried_alertmanager(folder, webhook=address, token=token, port=port))

    def incidents(self) -> list[dict[str, Any]]:
        return list(self._client.items("incident-event", "/v1/incidents", factory=PLATFORM_FACTORY_ID))

    def timeline(self, incident: dict[str, Any]) -> list[dict[str, Any]]:
        read = self._client.get("incident-event", f"/v1/incidents/{incident['id']}")
        return list(read["timeline"])


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def platform(running: Callable[..., RunningProcess], tmp_path: Path, stack: ExitStack, port: int) -> Platform:
    own = {
        "INCIDENT_EVENT_ALERTMANAGER_URLS": f"http://127.0.0.1:{port}",
        "INCIDENT_EVENT_ALERTMANAGER_RECONCILE_SECONDS": "0.5",
        "INCIDENT_EVENT_FACTORY_CORE_URL": "http://127.0.0.1:1",
    }
    running("incident-event", "worker", env=own)
    return Platform(running("incident-event"), tmp_path, stack)


def alert(name: str = NAME) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "labels": {"alertname": name, "severity": "critical", "service": "postgres"},
        "annotations": {"summary": f"{name} fires"},
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(minutes=10)).isoformat(),
    }


def test_an_incident_whose_alert_was_forgotten_is_resolved_and_says_why(
    platform: Platform, port: int
) -> None:
    firing = alert()
    with ExitStack() as first:
        platform.alertmanager(first, port=port).post(firing)
        wait_for(platform.incidents)
    [incident] = platform.incidents()
    assert incident["condition"] == "active"
    with ExitStack() as second:
        again = platform.alertmanager(second, port=port)
        wait_for(lambda: platform.incidents()[0]["status"] == "resolved")
        [incident] = platform.incidents()
        assert incident["condition"] == "cleared"
        entries = platform.timeline(incident)
        assert [entry["what"] for entry in entries] == ["reported", "condition_cleared", "recover"]
        assert {
            "Alertmanager no longer lists its alerts" in str(entry["reason"]) for entry in entries[1:]
        } == {True}
        # It was not over: it is told again, and is an occurrence of its own.
        again.post(firing)
        wait_for(lambda: len(platform.incidents()) == 2)
        assert sorted(one["status"] for one in platform.incidents()) == ["reported", "resolved"]


def test_an_alert_that_no_notification_told_of_opens_one_incident_that_ends_with_it(
    platform: Platform, port: int, stack: ExitStack
) -> None:
    firing = alert()
    with ExitStack() as deaf:
        lost = platform.alertmanager(deaf, port=port, webhook="http://127.0.0.1:1/nobody")
        lost.post(firing)
        wait_for(platform.incidents)
        [incident] = platform.incidents()
        assert incident["title"] == f"{NAME} fires"
        [entry] = platform.timeline(incident)
        assert "no notification" in entry["reason"]
    telling = platform.alertmanager(stack, port=port)
    telling.post(firing)
    told = 'vfactory_alertmanager_notifications_total{outcome="unchanged"} 0.0'
    wait_for(lambda: told not in metrics(platform.api))
    assert [one["id"] for one in platform.incidents()] == [incident["id"]]
    telling.post({**firing, "endsAt": datetime.now(UTC).isoformat()})
    wait_for(lambda: platform.incidents()[0]["status"] == "resolved")
    assert len(platform.incidents()) == 1


def metrics(process: RunningProcess) -> str:
    return httpx.get(f"{process.base_url}/metrics").text
