"""What Alertmanager's notifications did."""

from prometheus_client import Counter

from incident_event.alertmanager.lifecycle import GroupOutcome

NOTIFICATIONS = Counter(
    "vfactory_alertmanager_notifications",
    "Notifications accepted from Alertmanager, by what they did to an incident of the platform.",
    ["outcome"],
)
for _outcome in GroupOutcome:
    NOTIFICATIONS.labels(_outcome)
