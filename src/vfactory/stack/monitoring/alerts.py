"""Asks Alertmanager and Prometheus what fires and what may soon."""

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
    """An alert as people want to see it.

    Args:
        name: the rule's name.
        severity: `critical`, `warning`, `info` or `none`.
        service: the service it is about; empty when the alert does not say.
        state: `firing`, `inhibited` (another alert explains it), `silenced` or `pending` (not long enough).
        since: when its condition began to hold, UTC.
        summary: one sentence.
        runbook: address of its page.
    """

    name: str
    severity: str
    service: str
    state: str
    since: datetime
    summary: str
    runbook: str


def find_alerts(prometheus: str, alertmanager: str) -> list[Alert]:
    """Return everything that fires or is pending, the worst and oldest first.

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
    """Return one entry of Alertmanager's `GET /api/v2/alerts`."""
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
    """Return what alerts are sorted by: the worst and oldest first, the pending last."""
    known: Sequence[str] = SEVERITIES
    rank = known.index(alert.severity) if alert.severity in known else len(known)
    return alert.state == "pending", rank, alert.since, alert.name
