"""Whether reads go to the replica at the moment, and how long a failed replica is left alone."""

import time
from typing import Final

from utils.database.replica.metrics import USABLE
from utils.lifecycle import Backoff
from utils.logging import logger

FIRST_REST_SECONDS: Final = 3.0
LONGEST_REST_SECONDS: Final = 30.0
WELL_AFTER_SECONDS: Final = 60.0


class ReplicaUsage:
    """One replica's state; each change writes one log line. The replica is unused until the first `resume`.

    After a failure the replica rests for 3 s. The rest doubles, up to 30 s, each time the replica fails again
    within a minute, so that an unstable replica is not tried, and logged, every few seconds.
    """

    def __init__(self) -> None:
        self.usable = False
        self._told = False
        self._left_at = self._resumed_at = float("-inf")
        self._rest_until = float("-inf")
        self._backoff = Backoff(FIRST_REST_SECONDS, LONGEST_REST_SECONDS, WELL_AFTER_SECONDS)
        USABLE.set(0)

    @property
    def rests(self) -> bool:
        """Whether it is too early to try the replica again."""
        return time.monotonic() < self._rest_until

    def leave(self, reason: str) -> None:
        """Stop using the replica, for the `reason` that the log line gives."""
        now = time.monotonic()
        self._left_at = now
        if self.usable:
            self._rest_until = now + self._backoff.after(now - self._resumed_at)
        if self.usable or not self._told:
            logger.warning(
                "Reads go to the primary, not to the read replica: %s", reason, extra={"reason": reason}
            )
        self.usable, self._told = False, True
        USABLE.set(0)

    def resume(self, looked_at: float) -> None:
        """Use the replica, found well at `looked_at` (monotonic seconds), unless it has failed since."""
        if self.usable or self._left_at > looked_at:
            return
        self.usable, self._told, self._resumed_at = True, True, time.monotonic()
        logger.info("Reads go to the read replica")
        USABLE.set(1)
