"""What a process depends on: probes, the monitor that runs them, and the three routes that answer."""

from utils.health.endpoints import health_routes
from utils.health.monitor import HealthMonitor, HealthReport, Probe
from utils.health.probes import DatabaseProbe, RedisProbe

__all__ = ["DatabaseProbe", "HealthMonitor", "HealthReport", "Probe", "RedisProbe", "health_routes"]
