"""The event loop's lag: the longest time for which something blocked it."""

import asyncio
import time
from collections import deque
from typing import Final

from prometheus_client import Gauge

LAG: Final = Gauge(
    "vfactory_event_loop_lag_seconds",
    "Longest time for which the event loop was late within the last half minute",
)
STEP_SECONDS: Final = 0.25
REMEMBERED_STEPS: Final = 120


class LoopLag:
    """Wakes four times a second and records how late each wake-up was.

    The metric is the worst of the last half minute: a scrape every 15 s sees every pause, and several
    scrapers see the same value. Time in which the whole process stood still (SIGSTOP) counts as lag.
    """

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=REMEMBERED_STEPS)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch the running loop."""
        LAG.set_function(self.worst)
        self._wait(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()

    def worst(self) -> float:
        """Return the longest lag of the last half minute, in seconds."""
        return max(self._late, default=0.0)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(STEP_SECONDS, self._note, loop, time.monotonic() + STEP_SECONDS)

    def _note(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._late.append(max(0.0, time.monotonic() - due))
        self._wait(loop)
