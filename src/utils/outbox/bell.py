"""The doorbell: wakes the relay as soon as events were committed."""

import asyncio
import contextlib

from redis.asyncio import Redis
from redis.exceptions import RedisError

from utils.lifecycle import heed_cancellation


def bell_channel(service_name: str) -> str:
    """Return the name of the Redis channel on which a service's relay listens."""
    return f"vfactory:{service_name}:bell"


class Doorbell:
    """Rings through Redis, best effort: a lost ring costs the relay's polling interval, but no event."""

    def __init__(self, redis: Redis, service_name: str) -> None:
        self._redis = redis
        self._channel = bell_channel(service_name)
        self._ringing: asyncio.Task[None] | None = None
        self._again = False

    def ring(self) -> None:
        """Ring once; calls while a ring is under way are merged into one more ring."""
        self._again = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring(), name="doorbell")

    async def close(self) -> None:
        """Wait until a ring under way has ended."""
        if self._ringing is not None:
            await asyncio.gather(self._ringing, return_exceptions=True)

    async def _ring(self) -> None:
        while self._again:
            heed_cancellation()
            self._again = False
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self._redis.publish(self._channel, b"")
