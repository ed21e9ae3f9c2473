"""Health: probes of a process's dependencies, the monitor that runs them, and the three health routes."""

from utils.health.answers import Liveness, Readiness, health_type
from utils.health.endpoints import health_routes
from utils.health.monitor import HealthMonitor, HealthReport, Probe
from utils.health.probes import DatabaseProbe, RedisProbe

__all__ = [
    "DatabaseProbe",
    "HealthMonitor",
    "HealthReport",
    "Liveness",
    "Probe",
    "Readiness",
    "RedisProbe",
    "health_routes",
    "health_type",
]
