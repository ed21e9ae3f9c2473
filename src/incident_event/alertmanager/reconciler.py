"""Compares the platform's incidents with what Alertmanager lists, at the start and then every minute.

Alertmanager forgets what fires when it restarts, and then never tells its end; and it gives notifications up.
"""

import asyncio
from datetime import timedelta
from typing import Final

import asyncpg

from incident_event.alertmanager.client import AlertmanagerClient
from incident_event.alertmanager.comparison import Comparison
from incident_event.alertmanager.service import AlertGroupService
from utils.clock import Now
from utils.database import DATABASE_FAULTS, HOLDER_SETTINGS, AdvisoryLock, Database
from utils.lifecycle import heed_cancellation
from utils.logging import logger

STANDBY_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 2.0
SETTLED_AFTER_INTERVALS: Final = 2
"""How many intervals an Alertmanager runs before its list is complete: Prometheus tells it every minute."""


class Reconciler:
    """The comparison of one worker; of several workers one does it, and the others stand by.

    Args:
        database: of Incident Event.
        client: asks Alertmanager.
        interval: between two comparisons; a difference counts once it has stood for so long.
        now: the clock.
    """

    def __init__(
        self, database: Database, client: AlertmanagerClient, *, interval: timedelta, now: Now
    ) -> None:
        self._database = database
        self._client = client
        self._interval = interval
        self._now = now

    async def run(self) -> None:
        """Compare until cancelled; after a lost database it retries."""
        while True:
            connection: asyncpg.Connection | None = None
            try:
                connection = await self._database.open_connection(purpose="reconciler", **self._holder())
                await self._stand_by(connection)
                await self._compare_repeatedly(connection)
            except DATABASE_FAULTS as error:
                logger.warning(
                    "The comparison with Alertmanager lost its database",
                    extra={"error": type(error).__name__},
                )
            finally:
                if connection is not None:
                    connection.terminate()
            heed_cancellation()
            await asyncio.sleep(RETRY_SECONDS)

    def _holder(self) -> dict[str, str]:
        idle = round(self._interval.total_seconds() * 2000) + 60_000  # it is idle between two comparisons
        return {**HOLDER_SETTINGS, "idle_session_timeout": str(idle)}

    async def _stand_by(self, connection: asyncpg.Connection) -> None:
        lock = AdvisoryLock(connection, f"reconciler {self._database.schema}")
        while not await lock.try_acquire():  # noqa: ASYNC110 - another process holds it
            await asyncio.sleep(STANDBY_SECONDS)

    async def _compare_repeatedly(self, connection: asyncpg.Connection) -> None:
        comparison = Comparison(self._interval)
        while True:
            heed_cancellation()
            await connection.execute("SELECT 1")  # the lock is this connection's
            await self.compare(comparison)
            await asyncio.sleep(self._interval.total_seconds())

    async def compare(self, comparison: Comparison) -> None:
        """Compare once, and set right what differs; an Alertmanager that does not answer changes nothing."""
        listing = await self._client.list_alerts()
        if listing is None:
            comparison.forget()
            return
        async with self._database.transaction() as transaction:
            known = await AlertGroupService.within(transaction, self._now()).list_known()
        differences = comparison.differences(known, listing, self._now())
        for group_key, since in differences.ended.items():
            async with self._database.transaction() as transaction:
                await AlertGroupService.within(transaction, self._now()).end_forgotten(group_key, since)
        for told in differences.untold:
            async with self._database.transaction() as transaction:
                await AlertGroupService.within(transaction, self._now()).open_untold(told)
