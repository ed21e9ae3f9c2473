"""The words an incident has from its alerts."""

from datetime import timedelta

import pytest

from incident_event.alertmanager.notification import Alert, Notification
from support.monitoring.alertmanager_payload import START

DOWN = {
    "summary": "PostgreSQL\n is   down",
    "summary_ko": "PostgreSQL에 연결할 수 없습니다",
    "description": "No service reaches PostgreSQL: readings wait at their senders.",
    "runbook_url": "https://runbooks.example/VFactoryDatabaseDown.md",
    "dashboard_url": "https://dashboards.example/d/vfactory-dependencies",
}
LABELS = {"alertname": "VFactoryDatabaseDown", "severity": "critical", "service": "postgres", "job": "pg"}


def alert(minute: float, *, ended: bool = False, **labels: str) -> Alert:
    since = START + timedelta(minutes=minute)
    until = since + timedelta(minutes=9) if ended else None
    return Alert(f"{minute}", since, until, {**LABELS, **labels}, DOWN)


def told(*alerts: Alert, left_out: int = 0) -> Notification:
    return Notification("key", "incident-event", True, alerts, left_out, "http://am.example")  # noqa: FBT003


def test_it_says_what_is_wrong_what_to_do_and_what_fires() -> None:
    notification = told(alert(0), alert(1, ended=True, job="pg-2"), left_out=3)
    assert notification.title == "PostgreSQL is down (and 3 more)"
    assert notification.description == (
        "No service reaches PostgreSQL: readings wait at their senders.\n"
        "Runbook: https://runbooks.example/VFactoryDatabaseDown.md\n"
        "Dashboard: https://dashboards.example/d/vfactory-dependencies\n"
        "Alertmanager: http://am.example\n"
        "\n"
        "Alerts:\n"
        "- VFactoryDatabaseDown since 2026-01-15T10:30:00Z (job=pg, service=postgres)\n"
        "- VFactoryDatabaseDown since 2026-01-15T10:31:00Z until 2026-01-15T10:40:00Z "
        "(job=pg-2, service=postgres)\n"
        "- and 3 more"
    )


def test_it_is_of_those_that_fire_and_of_all_once_none_does() -> None:
    mild, worst = alert(0, severity="info"), alert(1, ended=True)
    assert told(mild, worst).severity == 2
    assert told(worst).severity == 4


@pytest.mark.parametrize(
    ("label", "severity"),
    [
        ("critical", 4),
        ("Critical", 4),
        (" CRITICAL ", 4),
        ("Warning", 3),
        ("warning", 3),
        ("info", 2),
        ("none", 1),
        ("", 3),
        ("page", 3),
    ],
)
def test_the_severity_follows_from_the_label(label: str, severity: int) -> None:
    assert told(alert(0, severity=label)).severity == severity


def test_without_a_summary_it_is_called_by_its_name() -> None:
    assert told(Alert("f", START, None, {"alertname": "Odd"}, {"summary": " "})).title == "Odd"
    assert told(Alert("f", START, None, {}, {})).title == "unnamed alert"
