"""A notification in our own terms, and the words an incident has from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from incident_event.alertmanager.lifecycle import Activity
from utils.clock import to_rfc3339

SEVERITIES: Final = {"critical": 4, "warning": 3, "info": 2, "none": 1}
"""An incident's severity by the label; 5 is for people in danger, which no alert of the platform says."""
UNKNOWN_SEVERITY: Final = 3
MAX_TITLE: Final = 200
MAX_DESCRIPTION: Final = 4000
MAX_LISTED: Final = 20
MAX_LABELS: Final = 10
UNTOLD: Final = frozenset({"alertname", "severity", "runbooks_url", "dashboards_url"})
"""Labels that say nothing which the list of alerts does not say already."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; `ended_at` is None while it fires."""

    fingerprint: str
    started_at: datetime
    ended_at: datetime | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.labels.get("alertname") or "unnamed alert"

    @property
    def severity(self) -> int:
        """Its incident's severity."""
        return SEVERITIES.get(self.labels.get("severity", "").strip().casefold(), UNKNOWN_SEVERITY)

    @property
    def activity(self) -> Activity:
        """When it fires."""
        return Activity(self.fingerprint, self.started_at, self.ended_at)


@dataclass(frozen=True, slots=True)
class Notification:
    """What Alertmanager tells of one group: at least one alert, those that fire longest first.

    `left_out` is how many more there are.
    """

    group_key: str
    receiver: str
    is_firing: bool
    alerts: Sequence[Alert]
    left_out: int
    alertmanager_url: str

    @property
    def firing(self) -> Sequence[Alert]:
        """Those that fire now."""
        return [alert for alert in self.alerts if alert.ended_at is None]

    @property
    def severity(self) -> int:
        """The worst of those that fire; of all, where none does any more."""
        return max(alert.severity for alert in self.firing or self.alerts)

    @property
    def title(self) -> str:
        """The summary of the alert that has fired longest, in one line."""
        alerts = self.firing or self.alerts
        first = alerts[0]
        text = " ".join(first.annotations.get("summary", "").split()) or first.name
        more = len(alerts) - 1 + self.left_out
        return shorten(text, MAX_TITLE, f" (and {more} more)" if more else "")

    @property
    def description(self) -> str:
        """What is known and what to do, for whoever takes the incident on."""
        first = (self.firing or self.alerts)[0]
        known = (
            first.annotations.get("description", "").strip(),
            _named("Runbook", first.annotations.get("runbook_url", "")),
            _named("Dashboard", first.annotations.get("dashboard_url", "")),
            _named("Alertmanager", self.alertmanager_url),
        )
        said = "\n".join(shorten(text, MAX_DESCRIPTION // 5) for text in known if text)
        lines = [_line(alert) for alert in self.alerts[:MAX_LISTED]]
        more = len(self.alerts) - len(lines) + self.left_out
        if more:
            lines.append(f"- and {more} more")
        return shorten("\n".join([said, "", "Alerts:", *lines]).strip(), MAX_DESCRIPTION)


def shorten(text: str, limit: int, end: str = "") -> str:
    """Cut a text so that it is no longer than `limit` with its `end`."""
    room = limit - len(end)
    return (text if len(text) <= room else text[: room - 1] + "…") + end


def _named(what: str, text: str) -> str:
    return f"{what}: {text}" if text else ""


def _line(alert: Alert) -> str:
    until = "" if alert.ended_at is None else f" until {to_rfc3339(alert.ended_at)}"
    told = [f"{name}={text}" for name, text in sorted(alert.labels.items()) if name not in UNTOLD]
    labels = f" ({shorten(', '.join(told[:MAX_LABELS]), MAX_TITLE)})" if told else ""
    return f"- {shorten(alert.name, MAX_TITLE)} since {to_rfc3339(alert.started_at)}{until}{labels}"
