"""Positions of the primary's write-ahead log over time: they say how much a replica must have replayed."""

import math
from bisect import bisect_left, bisect_right
from typing import Final

KEPT_SECONDS: Final = 600.0
"""How far back positions are kept, and so the largest lag that can be told, unless `max_lag` is larger."""


class WalHistory:
    """The ends of the primary's log, in bytes since its beginning, by the time of the query that read them.

    Times are seconds of one monotonic clock. A position covers every commit acknowledged before its query was
    sent: such a commit is flushed, so it lies before the end of the log.

    Args:
        max_lag: how old a read may be, in seconds.
    """

    def __init__(self, max_lag: float) -> None:
        self._max_lag = max_lag
        self._times: list[float] = []
        self._positions: list[int] = []
        self._is_lost = False

    def record(self, asked_at: float, position: int) -> None:
        """Record the position that the primary answered to the query sent at `asked_at`.

        A position before the last recorded one is that of a new primary, which lacks the end of the former
        one's log (a failover that lost commits): the earlier positions are then dropped.
        """
        self._is_lost = False
        if self._positions and position < self._positions[-1]:
            self._times.clear()
            self._positions.clear()
        self._times.append(asked_at)
        self._positions.append(position)
        gone = bisect_left(self._times, asked_at - max(KEPT_SECONDS, self._max_lag))
        del self._times[:gone], self._positions[:gone]

    def lose(self) -> None:
        """Record that the primary did not answer: until it does, time stands still at its last answer."""
        self._is_lost = True

    def required(self, now: float) -> int | None:
        """Return the position that a replica must have replayed for a read that begins now.

        It is the earliest position read within the last `max_lag` seconds, so it covers every commit
        acknowledged before that. None if there is no such position: the primary has not answered for so long.
        """
        if not self._times:
            return None
        place = bisect_left(self._times, self._clock(now) - self._max_lag)
        return self._positions[place] if place < len(self._times) else None

    def lag(self, now: float, replayed: int) -> float:
        """Return by how many seconds a replica that has replayed the log up to `replayed` is behind.

        0 if it has replayed the last known position; NaN if no position is known; a lower bound if it is
        behind the oldest one kept.
        """
        if not self._times:
            return math.nan
        if replayed >= self._positions[-1]:
            return 0.0
        had = bisect_right(self._positions, replayed)
        return self._clock(now) - self._times[max(0, had - 1)]

    def _clock(self, now: float) -> float:
        return self._times[-1] if self._is_lost else now
