"""Health: probes of a process's dependencies, the monitor that runs them, and the three health routes."""

from utils.health.answers import Liveness, Readiness, health_type
from utils.health.endpoints import health_routes
from utils.health.monitor import HealthMonitor, HealthReport, Probe
from utils.health.probes import DatabaseProbe, RedisProbe
from utils.health.writes import (
    DatabaseWriteProbe,
    RedisWriteProbe,
    WriteMonitor,
    WriteProbe,
)

__all__ = [
    "DatabaseProbe",
    "DatabaseWriteProbe",
    "HealthMonitor",
    "HealthReport",
    "Liveness",
    "Probe",
    "Readiness",
    "RedisProbe",
    "RedisWriteProbe",
    "WriteMonitor",
    "WriteProbe",
    "health_routes",
    "health_type",
]
