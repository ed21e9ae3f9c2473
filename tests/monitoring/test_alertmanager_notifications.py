"""Who is told what when several alerts fire at once, and what a time of maintenance mutes."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from monitoring.checks.rule_files import alerts

from support import ROOT
from support.monitoring.alertmanager import Alertmanager, run_hurried_alertmanager
from vfactory.stack.monitoring import rendering

PATIENCE_SECONDS = 30
SEVERITIES = {alert.name: alert.labels["severity"] for alert in alerts(ROOT)}
Labels = dict[str, str]

LOUD = ("slack", "pagerduty", "webhook")
ALL_DAY: Sequence[Mapping[str, Any]] = [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]
LONG_AGO: Sequence[Mapping[str, Any]] = [{"years": ["2000"]}]


def labels(name: str, service: str, **more: str) -> Labels:
    """The labels of an alert with its committed severity."""
    return {"alertname": name, "severity": SEVERITIES[name], "service": service, **more}


def alert(labelled: Labels) -> dict[str, Any]:
    """An alert that fires now: what has fired for longer than `group_wait` is told at once."""
    name = labelled["alertname"]
    return {
        "labels": labelled,
        "annotations": {"summary": name, "runbook_url": f"https://runbooks.example/{name}.md"},
        "startsAt": datetime.now(UTC).isoformat(),
    }


def wait_until_told(alertmanager: Alertmanager, name: str, ways: Sequence[str] = LOUD) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(name in alertmanager.told(way) for way in ways):
        assert time.monotonic() < deadline, {way: alertmanager.told(way) for way in ways}
        time.sleep(0.05)


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    """It runs with the committed routes."""
    with run_hurried_alertmanager(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("cause", "consequences"),
    [
        (
            labels("VFactoryDatabaseDown", "postgres"),
            [
                labels("VFactoryHealthCheckFailing", "factory-core", process="api"),
                labels("VFactoryDependencyUnreachable", "incident-event", dependency="database"),
                labels("VFactoryErrorRateHigh", "asset-management"),
                labels("VFactoryErrorBudgetBurnFast", "factory-core"),
                labels("VFactoryConsumerStalled", "incident-event"),
                labels("VFactoryOutboxStuck", "factory-core"),
                labels("VFactoryReadingsStopped", "factory-core"),
                labels("VFactoryLatencyHigh", "incident-event"),
                labels("VFactoryExporterDown", "prometheus", job="v-factory-postgres"),
                labels("VFactoryAlertmanagerNotificationsFailing", "alertmanager", integration="webhook"),
            ],
        ),
        (
            labels("VFactoryRedisDown", "redis"),
            [
                labels("VFactoryHealthCheckFailing", "incident-event", process="worker"),
                labels("VFactoryDependencyUnreachable", "factory-core", dependency="redis"),
                labels("VFactoryConsumerStalled", "incident-event"),
                labels("VFactoryDetectionSlow", "incident-event"),
                labels("VFactoryOutboxStuck", "factory-core"),
            ],
        ),
        (
            labels("VFactoryTargetDown", "factory-core"),
            [
                labels("VFactoryHealthCheckFailing", "factory-core", process="api"),
                labels("VFactoryErrorRateHigh", "factory-core"),
                labels("VFactoryReadingsStopped", "factory-core"),
                labels("VFactorySourcesStale", "factory-core"),
                labels("VFactoryPublisherFetchFailing", "incident-event"),
            ],
        ),
    ],
    ids=["PostgreSQL", "Redis", "a process"],
)
def test_what_is_down_is_told_once_over_every_way(
    alertmanager: Alertmanager, cause: Labels, consequences: list[Labels]
) -> None:
    alertmanager.post(*map(alert, (cause, *consequences)))
    name = cause["alertname"]
    wait_until_told(alertmanager, name)
    # Told after as long a wait as the consequences would have been, which came before.
    alertmanager.post(alert(labels("VFactoryEventsSkipped", "incident-event")))
    wait_until_told(alertmanager, "VFactoryEventsSkipped")
    assert {way: alertmanager.told(way) for way in LOUD} == {
        way: [name, "VFactoryEventsSkipped"] for way in LOUD
    }


@pytest.mark.parametrize(
    ("maintenance", "told"),
    [
        (ALL_DAY, ["VFactoryMemoryCritical", "VFactoryDiskFull"]),
        (
            LONG_AGO,
            ["VFactoryClockSkewed", "VFactoryMemoryCritical", "VFactoryTaskRestarting", "VFactoryDiskFull"],
        ),
    ],
    ids=["now", "long ago"],
)
def test_maintenance_mutes_warnings_and_never_what_is_critical(
    tmp_path: Path, maintenance: Sequence[Mapping[str, Any]], told: list[str]
) -> None:
    with run_hurried_alertmanager(tmp_path, maintenance=maintenance) as alertmanager:
        alertmanager.post(
            alert(labels("VFactoryClockSkewed", "node")),
            alert(labels("VFactoryTaskRestarting", "factory-core")),
            alert(labels("VFactoryMemoryCritical", "factory-core")),
        )
        wait_until_told(alertmanager, "VFactoryMemoryCritical")
        alertmanager.post(alert(labels("VFactoryDiskFull", "node", instance="a", mountpoint="/")))
        wait_until_told(alertmanager, "VFactoryDiskFull")
        assert sorted(alertmanager.told("slack")) == sorted(told)
        assert alertmanager.told("pagerduty") == ["VFactoryMemoryCritical", "VFactoryDiskFull"]


def test_the_committed_maintenance_is_over() -> None:
    document = rendering.read(ROOT / "monitoring/alertmanager/alertmanager.yml")
    [interval] = document["time_intervals"]
    assert interval["name"] == "maintenance"
    assert all(one["years"] == ["2000"] for one in interval["time_intervals"])
