"""The relay: stands by until it holds the leader's lock, then moves events until its connection fails."""

import asyncio
from datetime import timedelta

import asyncpg
from pydantic import SecretStr
from redis.asyncio import Redis

from utils.database import DATABASE_FAULTS, HOLDER_SETTINGS, AdvisoryLock, Database
from utils.lifecycle import heed_cancellation
from utils.logging import logger
from utils.relay.appender import Appender
from utils.relay.bell_listener import BellListener
from utils.relay.ledger import Ledger
from utils.relay.metrics import IS_LEADER
from utils.relay.shift import Shift
from utils.relay.stream_sizes import MAX_TOTAL_BYTES, StreamSizes

POLL_SECONDS = 0.25
STANDBY_SECONDS = 1.0
RETRY_SECONDS = 0.5
RETENTION = timedelta(days=7)

LEADER_SETTINGS = {
    **HOLDER_SETTINGS,
    # The relay repeats a few statements, always by an index: planning them each time doubles their cost.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
}


class Relay:
    """A service's relay; of a service's relays, one leads and the others stand by.

    The leader's lock belongs to the connection on which it runs all its SQL, so a relay that has lost the
    lock cannot number events. It may still append events that it numbered before, which is harmless.
    """

    def __init__(
        self,
        database: Database,
        redis: Redis,
        service_name: str,
        *,
        sealing_key: SecretStr | None = None,
        retention: timedelta = RETENTION,
        streams_bytes: int = MAX_TOTAL_BYTES,
    ) -> None:
        self._database = database
        self._redis = redis
        self._service_name = service_name
        self._sealing_key = sealing_key
        self._retention = retention
        self._streams_bytes = streams_bytes

    async def run(self) -> None:
        """Relay until cancelled; after a lost database or Redis it retries."""
        bell = BellListener(self._redis, self._service_name)
        listening = asyncio.create_task(bell.run(), name="bell-listener")
        try:
            while True:
                await self._take_a_turn(bell)
                heed_cancellation()
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _take_a_turn(self, bell: BellListener) -> None:
        connection: asyncpg.Connection | None = None
        try:
            connection = await self._database.open_connection(purpose="relay", **LEADER_SETTINGS)
            await self._stand_by(connection)
            await self._lead(connection, bell)
        except DATABASE_FAULTS as error:
            logger.warning("the relay lost its database", extra={"error": type(error).__name__})
        finally:
            IS_LEADER.set(0)
            if connection is not None:
                connection.terminate()

    async def _stand_by(self, connection: asyncpg.Connection) -> None:
        lock = AdvisoryLock(connection, f"relay {self._database.schema}")
        while not await lock.try_acquire():  # noqa: ASYNC110 - another process holds it
            await asyncio.sleep(STANDBY_SECONDS)

    async def _lead(self, connection: asyncpg.Connection, bell: BellListener) -> None:
        logger.info("the relay leads", extra={"schema": self._database.schema})
        IS_LEADER.set(1)
        appender = Appender(self._redis, self._service_name, self._sealing_key)
        sizes = StreamSizes(self._redis, self._service_name, total_bytes=self._streams_bytes)
        shift = Shift(Ledger(connection), appender, sizes, retention=self._retention)
        while True:
            heed_cancellation()
            if not await shift.step():
                await bell.wait(POLL_SECONDS)
