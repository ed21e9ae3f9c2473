"""What incidents tell about themselves."""

from prometheus_client import Counter, Gauge

INCIDENTS_OPENED = Counter(
    "vfactory_incidents_opened",
    "Incidents opened, by a rule, a report or Alertmanager.",
    ["source", "severity"],
)
INCIDENTS_OPEN = Gauge("vfactory_incidents_open", "Incidents nobody has resolved yet.", ["severity"])
REPORTS_REPEATED = Counter(
    "vfactory_incident_reports_repeated", "Reports answered from their idempotency key, nothing new made."
)

# The gauge has no values before somebody has counted: only a worker does.
SEVERITIES = ("1", "2", "3", "4", "5")
for _severity in SEVERITIES:
    for _source in ("rule", "report", "alertmanager"):
        INCIDENTS_OPENED.labels(_source, _severity)
