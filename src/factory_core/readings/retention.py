"""Deletes the records of old batches, not their readings: a batch repeated later counts as duplicates."""

import asyncio
from datetime import timedelta
from typing import Final

from factory_core.readings import metrics
from factory_core.readings.repository import ReadingRepository
from utils.clock import Now
from utils.database import Database
from utils.lifecycle import heed_cancellation

BATCHES_AT_ONCE: Final = 1_000
PAUSE_SECONDS: Final = 60.0


class BatchRetention:
    """Deletes the records of batches accepted longer than `kept_for` ago, a thousand in a transaction."""

    def __init__(self, database: Database, now: Now, *, kept_for: timedelta) -> None:
        self._database = database
        self._now = now
        self._kept_for = kept_for

    async def run(self) -> None:
        """Delete due records until cancelled; run by `utils.lifecycle.supervise`."""
        while True:
            heed_cancellation()
            while await self.forget_some() == BATCHES_AT_ONCE:
                pass
            await asyncio.sleep(PAUSE_SECONDS)

    async def forget_some(self) -> int:
        """Delete the oldest due records, at most `BATCHES_AT_ONCE`; return how many."""
        async with self._database.transaction() as transaction:
            readings = ReadingRepository(await transaction.connection())
            forgotten = await readings.delete_batches(self._now() - self._kept_for, limit=BATCHES_AT_ONCE)
        metrics.BATCHES_FORGOTTEN.inc(forgotten)
        return forgotten
