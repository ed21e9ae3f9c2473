"""Reads firing and pending alerts from Alertmanager and Prometheus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from vfactory.stack.errors import NotRunningError

TIMEOUT_SECONDS: Final = 5.0
WATCHDOG: Final = "VFactoryWatchdog"
SEVERITIES: Final = ("critical", "warning", "info", "none")


@dataclass(frozen=True)
class Alert:
    """An alert, for people.

    Args:
        name: the rule's name.
        severity: `critical`, `warning`, `info` or `none`.
        service: the service it concerns; empty if the alert names none.
        state: `firing`, `inhibited` (another alert explains it), `silenced` or `pending` (not yet for long).
        since: when its condition became true, in UTC.
        summary: one sentence.
        runbook: the address of its runbook.
    """

    name: str
    severity: str
    service: str
    state: str
    since: datetime
    summary: str
    runbook: str


def find_alerts(prometheus: str, alertmanager: str) -> list[Alert]:
    """Return all alerts that fire or are pending, the worst and oldest first.

    Raises:
        NotRunningError: Prometheus or Alertmanager does not answer.
    """
    with httpx.Client(timeout=TIMEOUT_SECONDS) as client:
        firing = _get(client, "Alertmanager", f"{alertmanager}/api/v2/alerts")
        rules = _get(client, "Prometheus", f"{prometheus}/api/v1/alerts")
    known = [of_alertmanager(entry) for entry in firing]
    pending = [entry for entry in rules["data"]["alerts"] if entry["state"] == "pending"]
    return sorted([*known, *map(_of_prometheus, pending)], key=urgency)


def _get(client: httpx.Client, program: str, url: str) -> Any:
    try:
        return client.get(url).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise NotRunningError(f"{program} does not answer at {url} ({type(error).__name__}).") from error


def of_alertmanager(entry: Mapping[str, Any]) -> Alert:
    """Return the alert of one entry of Alertmanager's `GET /api/v2/alerts`."""
    status = entry["status"]
    state = "silenced" if status["silencedBy"] else "inhibited" if status["inhibitedBy"] else "firing"
    return _alert(entry, state, entry["startsAt"])


def _of_prometheus(entry: Mapping[str, Any]) -> Alert:
    return _alert(entry, "pending", entry["activeAt"])


def _alert(entry: Mapping[str, Any], state: str, since: str) -> Alert:
    labels, annotations = entry["labels"], entry["annotations"]
    return Alert(
        name=labels["alertname"],
        severity=labels.get("severity", "none"),
        service=labels.get("service", ""),
        state=state,
        since=datetime.fromisoformat(since).astimezone(UTC),
        summary=annotations.get("summary", ""),
        runbook=annotations.get("runbook_url", ""),
    )


def urgency(alert: Alert) -> tuple[bool, int, datetime, str]:
    """Return the key that sorts alerts: the worst and oldest first, pending ones last."""
    known: Sequence[str] = SEVERITIES
    rank = known.index(alert.severity) if alert.severity in known else len(known)
    return alert.state == "pending", rank, alert.since, alert.name
