"""From a real Alertmanager to the real service: what fires is an incident, once, until it is over."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.platform import PLATFORM_FACTORY_ID
from plant_client import Plant, PlantClient
from support.monitoring.alertmanager import Alertmanager, run_hurried_alertmanager
from support.servers import AUTH_SECRET, Postgres, RunningProcess
from support.waiting import wait_for
from utils.auth import Role, issue_token


class System:
    """Incident Event, and two Alertmanagers that do not know of each other and tell it the same."""

    def __init__(self, service: RunningProcess, alertmanagers: list[Alertmanager]) -> None:
        self.service = service
        self._alertmanagers = alertmanagers
        token = issue_token(AUTH_SECRET, subject="kim", role=Role.VIEWER)
        self._client = PlantClient(Plant({"incident-event": service.base_url}, lambda: token))

    def post(self, name: str, since: datetime, until: datetime | None = None) -> None:
        alert: dict[str, Any] = {
            "labels": {"alertname": name, "severity": "critical", "service": "postgres"},
            "annotations": {"summary": f"{name} fires"},
            "startsAt": since.isoformat(),
        }
        for alertmanager in self._alertmanagers:
            alertmanager.post(alert if until is None else {**alert, "endsAt": until.isoformat()})

    def incidents(self) -> list[dict[str, Any]]:
        return list(self._client.items("incident-event", "/v1/incidents", factory=PLATFORM_FACTORY_ID))

    def history(self, incident: dict[str, Any]) -> list[str]:
        timeline = self._client.get("incident-event", f"/v1/incidents/{incident['id']}")["timeline"]
        return [entry["what"] for entry in timeline]

    def received(self, outcome: str) -> float:
        name = f'vfactory_alertmanager_notifications_total{{outcome="{outcome}"}} '
        lines = self._client.send("incident-event", "GET", "/metrics").text.splitlines()
        return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def system(running: Callable[..., RunningProcess], tmp_path: Path) -> Iterator[System]:
    service = running("incident-event")
    webhook = f"{service.base_url}/v1/webhooks/alertmanager"
    token = issue_token(AUTH_SECRET, subject="alertmanager", role=Role.ALERTMANAGER)
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    with (
        run_hurried_alertmanager(folders[0], webhook=webhook, token=token, repeat="1s") as first,
        run_hurried_alertmanager(folders[1], webhook=webhook, token=token, repeat="1s") as second,
    ):
        made = System(service, [first, second])
        yield made
        made.close()


def test_what_fires_is_one_incident_however_often_it_is_told_and_ends_by_itself(system: System) -> None:
    since = datetime.now(UTC)
    system.post("VFactoryDatabaseDown", since)
    wait_for(lambda: system.received("opened") and system.received("unchanged") >= 3)
    [incident] = system.incidents()
    assert (incident["status"], incident["condition"], incident["severity"]) == ("reported", "active", 4)
    assert incident["title"] == "VFactoryDatabaseDown fires"
    assert datetime.fromisoformat(incident["occurred_at"]) == since
    assert system.history(incident) == ["reported"]

    until = datetime.now(UTC)
    system.post("VFactoryDatabaseDown", since, until)
    wait_for(lambda: system.received("resolved"))
    [incident] = system.incidents()
    assert (incident["status"], incident["condition"]) == ("resolved", "cleared")
    assert datetime.fromisoformat(incident["cleared_at"]) == until

    system.post("VFactoryDatabaseDown", datetime.now(UTC))
    wait_for(lambda: system.received("opened") == 2)
    again, before = system.incidents()
    assert (again["status"], before) == ("reported", incident)
    assert system.history(before) == ["reported", "condition_cleared", "recover"]


def test_what_fires_while_the_database_is_away_is_late_but_not_lost(
    system: System, hurt_postgres: Postgres
) -> None:
    hurt_postgres.stop()
    since = datetime.now(UTC)
    system.post("VFactoryDatabaseDown", since)
    wait_for(lambda: any('"status": 503' in line or '"status":503' in line for line in system.service.lines))
    hurt_postgres.start()
    wait_for(lambda: system.received("opened") and system.received("unchanged"))
    [incident] = system.incidents()
    assert (incident["status"], incident["condition"]) == ("reported", "active")
    assert datetime.fromisoformat(incident["occurred_at"]) == since
