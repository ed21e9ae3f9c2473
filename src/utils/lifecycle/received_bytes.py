"""The bytes that clients have sent and this process holds: counted together, and bounded for the process."""

from typing import Final

from prometheus_client import Counter, Gauge

HELD_SCOPE_KEY: Final = "vfactory.held"
"""The key of a request's `HeldBytes` in its ASGI scope; absent until the request holds some."""

CROWDED_SCOPE_KEY: Final = "vfactory.crowded"
"""The key in the scope of a request that came on a connection in reserve; true if it is to be refused."""

MAX_RECEIVED_BYTES: Final = 64 * 1024 * 1024
ALWAYS_HELD_BYTES: Final = 16 * 1024
"""So much of each request is held whatever others hold, so that small requests are always served."""

HELD: Final = Gauge("vfactory_http_held_bytes", "Bytes of requests that are held in memory")
HELD_LIMIT: Final = Gauge(
    "vfactory_http_held_limit_bytes", "Bytes of requests that may be held before large bodies are refused"
)
TURNED_AWAY: Final = Counter(
    "vfactory_http_turned_away",
    "Requests answered 503 because the process holds too many bytes or connections",
    ["reason"],
)
TURNED_AWAY_REASONS: Final = ("memory", "connections")
for _reason in TURNED_AWAY_REASONS:
    TURNED_AWAY.labels(_reason)


class ReceivedBytes:
    """The budget of one process."""

    def __init__(self, limit: int = MAX_RECEIVED_BYTES) -> None:
        self.limit = limit
        self.held = 0

    def expose(self) -> None:
        """Show what is held, and the limit, in `/metrics`."""
        HELD.set_function(lambda: self.held)
        HELD_LIMIT.set_function(lambda: self.limit)


class HeldBytes:
    """What one request holds of the budget."""

    __slots__ = ("_budget", "held", "is_refused")

    def __init__(self, budget: ReceivedBytes) -> None:
        self._budget = budget
        self.held = 0
        self.is_refused = False

    def take(self, size: int) -> bool:
        """Hold `size` bytes more; return False, and hold nothing more from then on, if they do not fit."""
        if self.is_refused:
            return False
        if self.held + size > ALWAYS_HELD_BYTES and self._budget.held + size > self._budget.limit:
            self.is_refused = True
            return False
        self.held += size
        self._budget.held += size
        return True

    def give_back(self, size: int) -> None:
        """Hold `size` bytes less: an endpoint has taken them on."""
        size = min(size, self.held)
        self.held -= size
        self._budget.held -= size

    def release(self) -> None:
        """Hold nothing any more: the request has ended."""
        self.give_back(self.held)


RECEIVED: Final = ReceivedBytes()
"""The budget of this process; `utils.serving` sets its limit."""
