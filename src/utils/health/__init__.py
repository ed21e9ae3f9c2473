"""What a process depends on: probes, the monitor that runs them, and the three routes that answer."""

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
