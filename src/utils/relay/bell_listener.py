"""Listens for the doorbell: wakes the relay right after a commit while Redis is reachable."""

import asyncio
import contextlib

from redis.asyncio import Redis
from redis.exceptions import RedisError

from utils.lifecycle import heed_cancellation
from utils.outbox.bell import bell_channel

RETRY_SECONDS = 1.0
SILENCE_SECONDS = 5.0


class BellListener:
    """Listens in the background. Without it events are only later: the relay polls as well."""

    def __init__(self, redis: Redis, service_name: str) -> None:
        self._redis = redis
        self._channel = bell_channel(service_name)
        self._rung = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled; subscribe again whenever the connection is lost."""
        while True:
            heed_cancellation()
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self._listen()
            heed_cancellation()
            await asyncio.sleep(RETRY_SECONDS)

    async def wait(self, seconds: float) -> None:
        """Wait for the next ring, at most `seconds`; return at once if one came since the last call."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()

    async def _listen(self) -> None:
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(self._channel)
            asked = False
            while True:
                heed_cancellation()
                message = await pubsub.get_message(timeout=SILENCE_SECONDS)
                if message is not None:
                    asked = False
                    self._rung.set()
                elif asked:
                    raise TimeoutError("the server does not answer")
                else:
                    asked = True
                    await pubsub.ping()
