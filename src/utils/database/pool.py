"""The connection pool: bounded, with metrics of its connections and of the wait for one."""

import logging
from weakref import WeakSet

from prometheus_client import Gauge, Histogram
from sqlalchemy.pool import AsyncAdaptedQueuePool, QueuePool

_pools: WeakSet[QueuePool] = WeakSet()

POOL_CONNECTIONS = Gauge(
    "vfactory_database_pool_connections",
    "Connections of this process's pool, by state: in use, idle, and the limit.",
    ["state"],
)
POOL_WAIT = Histogram(
    "vfactory_database_pool_wait_seconds",
    "Seconds a transaction waited for a pooled connection, connecting included.",
    buckets=(0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
)
POOL_CONNECTIONS.labels(state="in_use").set_function(lambda: sum(pool.checkedout() for pool in _pools))
POOL_CONNECTIONS.labels(state="idle").set_function(lambda: sum(pool.checkedin() for pool in _pools))
POOL_CONNECTIONS.labels(state="limit").set_function(lambda: sum(pool.size() for pool in _pools))


# SQLAlchemy logs each opening, closing and replacing of a connection: routine work, not worth a line.
for _pool in ("MeasuredPool", "ReplicaPool"):
    logging.getLogger(f"{__name__}.{_pool}").setLevel(logging.WARNING)


class MeasuredPool(AsyncAdaptedQueuePool):
    """A bounded pool that counts its connections and times the wait for one."""

    def connect(self):  # type: ignore[no-untyped-def]  # noqa: ANN201, D102 - SQLAlchemy's own signature
        _pools.add(self)
        with POOL_WAIT.time():
            return super().connect()


class ReplicaPool(AsyncAdaptedQueuePool):
    """A read replica's pool, kept out of the primary's metrics: reads do without it."""
