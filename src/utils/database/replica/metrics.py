"""Metrics of a read replica, registered only where the settings name one."""

from functools import cache
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge
from sqlalchemy.pool import QueuePool

READS: Final = Counter(
    "vfactory_database_reads_total",
    "Reads that may go to a replica, by the server that answered: replica or primary.",
    ["server"],
    registry=None,
)
USABLE: Final = Gauge(
    "vfactory_database_replica_usable",
    "1 while reads go to the replica; 0 while it does not answer in time, is behind, or is not a replica.",
    registry=None,
)
LAG: Final = Gauge(
    "vfactory_database_replica_lag_seconds",
    "Seconds by which the replica was behind the primary at the last check; NaN if it did not answer.",
    registry=None,
)
CONNECTIONS: Final = Gauge(
    "vfactory_database_replica_pool_connections",
    "Connections of this process's pool to the replica, by state: in use, idle, and the limit.",
    ["state"],
    registry=None,
)


def expose_replica(pool: QueuePool) -> None:
    """Register the replica's metrics, with the connections of `pool`."""
    _register()
    for server in ("replica", "primary"):
        READS.labels(server)
    CONNECTIONS.labels("in_use").set_function(pool.checkedout)
    CONNECTIONS.labels("idle").set_function(pool.checkedin)
    CONNECTIONS.labels("limit").set_function(pool.size)


@cache
def _register() -> None:
    for metric in (READS, USABLE, LAG, CONNECTIONS):
        REGISTRY.register(metric)
