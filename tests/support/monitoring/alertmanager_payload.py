"""What Alertmanager posts to a webhook, for one group of alerts."""

from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
NEVER = "0001-01-01T00:00:00Z"


def minute(number: float) -> str:
    """A moment so many minutes after the beginning, as Alertmanager writes it."""
    return (START + timedelta(minutes=number)).isoformat().replace("+00:00", "Z")


def alert(
    name: str = "a", since: float = 0, until: float | None = None, *, severity: str = "critical", **more: Any
) -> dict[str, Any]:
    """One alert, which fires unless it says until when it did; its fingerprint is its name."""
    return {
        "status": "firing" if until is None else "resolved",
        "labels": {"alertname": "VFactoryDatabaseDown", "severity": severity, "instance": name},
        "annotations": {"summary": "PostgreSQL is down", "runbook_url": "https://runbooks.example/down.md"},
        "startsAt": minute(since),
        "endsAt": NEVER if until is None else minute(until),
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": name,
        **more,
    }


def notification(group: str, *alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A notification about a group, which fires as long as one of its alerts does."""
    told = alerts or (alert(),)
    return {
        "version": "4",
        "groupKey": group,
        "truncatedAlerts": 0,
        "status": "firing" if any(one["status"] == "firing" for one in told) else "resolved",
        "receiver": "incident-event",
        "groupLabels": {"alertname": "VFactoryDatabaseDown"},
        "commonLabels": {"alertname": "VFactoryDatabaseDown"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": list(told),
        **more,
    }
