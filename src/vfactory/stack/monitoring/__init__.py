"""Prometheus, Alertmanager and their exporters in the stack, and the alerts that fire there."""

from vfactory.stack.monitoring.alerts import WATCHDOG, Alert, find_alerts, of_alertmanager, urgency
from vfactory.stack.monitoring.jobs import MONITORING
from vfactory.stack.monitoring.start import Monitoring, configuration_folder

__all__ = [
    "MONITORING",
    "WATCHDOG",
    "Alert",
    "Monitoring",
    "configuration_folder",
    "find_alerts",
    "of_alertmanager",
    "urgency",
]
