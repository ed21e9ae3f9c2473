"""The connections of this process: how many there may be, and which one makes room for another."""

from typing import Final, Protocol

from prometheus_client import Counter, Gauge

MAX_CONNECTIONS: Final = 4096
RESERVED: Final = 32
"""Connections beyond the limit, for probes and scrapes while all others are busy."""

OPEN: Final = Gauge("vfactory_http_connections", "Connections that clients hold open")
LIMIT: Final = Gauge("vfactory_http_connections_limit", "Connections that clients may hold open")
CUT: Final = Counter(
    "vfactory_http_connections_cut", "Connections that were cut before their client closed them", ["reason"]
)
CUT_REASONS: Final = ("slow_head", "slow_body", "unread_answer", "idle_replaced", "no_room")
for _reason in CUT_REASONS:
    CUT.labels(_reason)


class Connection(Protocol):
    """A connection as the table of connections knows it."""

    def cut(self, reason: str) -> None:
        """Close the connection at once."""


class Connections:
    """The open connections of one process, those without a request in the order in which they became idle."""

    def __init__(self, limit: int = MAX_CONNECTIONS) -> None:
        self.limit = limit
        self._open: set[Connection] = set()
        self._idle: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_crowded(self) -> bool:
        """Whether there are more connections than the limit, because none of them is idle."""
        return len(self._open) > self.limit

    def expose(self) -> None:
        """Show the number of connections, and the limit, in `/metrics`."""
        OPEN.set_function(lambda: len(self._open))
        LIMIT.set_function(lambda: self.limit)

    def add(self, connection: Connection) -> None:
        """Count a new connection, which is idle; cut the one idle longest if there are too many."""
        if len(self._open) >= self.limit and self._idle:
            next(iter(self._idle)).cut("idle_replaced")
        self._open.add(connection)
        self._idle[connection] = None
        if len(self._open) > self.limit + RESERVED:
            connection.cut("no_room")

    def remove(self, connection: Connection) -> None:
        """Count a connection no more; called again, it does nothing."""
        self._open.discard(connection)
        self._idle.pop(connection, None)

    def busy(self, connection: Connection) -> None:
        """Note that a request's head is complete: the connection does not make room for another."""
        self._idle.pop(connection, None)

    def idle(self, connection: Connection) -> None:
        """Note that the last request has been answered."""
        if connection in self._open:
            self._idle[connection] = None


CONNECTIONS: Final = Connections()
"""The connections of this process; `serve` sets their limit."""
