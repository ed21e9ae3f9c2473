"""Whether a read replica is used now, and for how long one that failed is left alone."""

import time
from typing import Final

from utils.database.replica.metrics import USABLE
from utils.lifecycle import Backoff
from utils.logging import logger

FIRST_REST_SECONDS: Final = 3.0
LONGEST_REST_SECONDS: Final = 30.0
WELL_AFTER_SECONDS: Final = 60.0


class ReplicaUsage:
    """One replica's state; each change of it is one log line. Not used until the first `resume`.

    The rest after a failure doubles from 3 s to 30 s as long as failures follow one another within a minute,
    so that a replica that only half works is not tried, and told about, every few seconds.
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
        """Whether it is too early to try a replica that failed."""
        return time.monotonic() < self._rest_until

    def leave(self, reason: str) -> None:
        """Use the primary from now on."""
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
        """Use the replica, which was well at `looked_at`, unless it has failed since."""
        if self.usable or self._left_at > looked_at:
            return
        self.usable, self._told, self._resumed_at = True, True, time.monotonic()
        logger.info("Reads go to the read replica")
        USABLE.set(1)
