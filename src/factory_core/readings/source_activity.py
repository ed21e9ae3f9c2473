"""Counts the equipment that reports, and the equipment that has gone silent."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from factory_core.readings import metrics
from factory_core.readings.repository import ReadingRepository, SeriesPlace
from utils.clock import Now
from utils.database import Database
from utils.lifecycle import heed_cancellation

SERIES_AT_ONCE: Final = 2_000
PAUSE_SECONDS: Final = 10.0
MOST_SHARE: Final = 0.05
"""Share of its time that a large plant's count may take."""

FORGOTTEN_AFTER: Final = timedelta(days=1)
"""Who has been silent for so long was taken out of service, and is no source any more."""

FIRST: Final[SeriesPlace] = (UUID(int=0), UUID(int=0), "")


class SourceCount:
    """Counts sources by the times of their newest readings; stale is silent for longer than `stale_after`."""

    def __init__(self, database: Database, now: Now, *, stale_after: timedelta) -> None:
        self._database = database
        self._now = now
        self._stale_after = stale_after

    async def run(self) -> None:
        """Keep the figures fresh, for ever; for `utils.lifecycle.supervise`."""
        while True:
            heed_cancellation()
            began = time.monotonic()
            await self.count()
            await asyncio.sleep(max(PAUSE_SECONDS, (time.monotonic() - began) / MOST_SHARE))

    async def count(self) -> None:
        """Look at every source once and set the figures."""
        now, counted = self._now(), Counter[bool]()
        async for newest in self._newest():
            if now - newest < FORGOTTEN_AFTER:
                counted[now - newest > self._stale_after] += 1
        metrics.STALE.set(counted[True])
        metrics.REPORTING.set(counted[False])

    async def _newest(self) -> AsyncIterator[datetime]:
        """The time of the newest reading of every piece of equipment that has sent any."""
        current, newest = FIRST[:2], None
        async for equipment, at in self._series():
            if equipment != current:
                if newest is not None:
                    yield newest
                current, newest = equipment, None
            newest = max(filter(None, (newest, at)), default=None)
        if newest is not None:
            yield newest

    async def _series(self) -> AsyncIterator[tuple[tuple[UUID, UUID], datetime | None]]:
        """Equipment and newest reading of every series, ordered by equipment."""
        after = FIRST
        while True:
            async with self._database.transaction() as transaction:
                readings = ReadingRepository(await transaction.connection())
                rows = await readings.list_newest(after, limit=SERIES_AT_ONCE)
            for place, at in rows:
                yield place[:2], at
            if len(rows) < SERIES_AT_ONCE:
                return
            after = rows[-1][0]
