"""Where the end of the primary's write-ahead log stood, and when: what a replica has to have replayed."""

import math
from bisect import bisect_left, bisect_right
from typing import Final

KEPT_SECONDS: Final = 600.0
"""How far back a replica's lag can be told, where the bound itself does not reach further."""


class WalHistory:
    """Positions of the primary's log, in bytes since its beginning, by the time at which they were asked for.

    Times are seconds of one monotonic clock. A position asked for at some time covers every commit that was
    acknowledged before that time, since such a commit is flushed and lies before the end of the log.

    Args:
        max_lag: by how much a read may be old, in seconds.
    """

    def __init__(self, max_lag: float) -> None:
        self._max_lag = max_lag
        self._times: list[float] = []
        self._positions: list[int] = []
        self._is_lost = False

    def record(self, asked_at: float, position: int) -> None:
        """Note what the primary said when it was asked at `asked_at`.

        A position before the last one is another primary's, which does not have the end of the former one's
        log (a failover that lost commits): what that one had is forgotten.
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
        """Note that the primary did not answer: until it does, time stands still at its last answer."""
        self._is_lost = True

    def required(self, now: float) -> int | None:
        """What a replica must have replayed for a read that begins now; None where nobody can say.

        It is the earliest position asked for within the last `max_lag` seconds, so it covers every commit
        acknowledged before then. None says that the primary was not asked for so long, or never.
        """
        if not self._times:
            return None
        place = bisect_left(self._times, self._clock(now) - self._max_lag)
        return self._positions[place] if place < len(self._times) else None

    def lag(self, now: float, replayed: int) -> float:
        """By how many seconds a replica is behind that has replayed so much: 0 when it has everything known.

        At least so many, where that is longer ago than is remembered; NaN where nothing is.
        """
        if not self._times:
            return math.nan
        if replayed >= self._positions[-1]:
            return 0.0
        had = bisect_right(self._positions, replayed)
        return self._clock(now) - self._times[max(0, had - 1)]

    def _clock(self, now: float) -> float:
        return self._times[-1] if self._is_lost else now
