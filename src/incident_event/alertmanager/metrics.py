"""What Alertmanager's notifications did."""

from prometheus_client import Counter, Gauge

from incident_event.alertmanager.lifecycle import GroupOutcome

NOTIFICATIONS = Counter(
    "vfactory_alertmanager_notifications",
    "Notifications accepted from Alertmanager, by what they did to an incident of the platform.",
    ["outcome"],
)
for _outcome in GroupOutcome:
    NOTIFICATIONS.labels(_outcome)

RECONCILED = Counter(
    "vfactory_alertmanager_reconciled",
    "Incidents of the platform that were opened or resolved because Alertmanager's own list said so.",
    ["outcome"],
)
for _outcome in (GroupOutcome.OPENED, GroupOutcome.RESOLVED):
    RECONCILED.labels(_outcome)

REACHABLE = Gauge(
    "vfactory_alertmanager_reachable",
    "1 while the Alertmanager answers the worker that compares its list with the incidents, else 0.",
    ["alertmanager"],
)
