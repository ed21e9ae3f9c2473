"""The feed for open connections: each subscriber of a factory gets every event once, in order."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextvars import Context
from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr
from redis.asyncio import Redis

from utils.database import DATABASE_FAULTS, Database
from utils.lifecycle import heed_cancellation
from utils.outbox import EventLog, StoredEvent
from utils.streams import metrics
from utils.streams.seal import Seal
from utils.streams.tail import LOG_POLL_SECONDS, LOG_TIMEOUT_SECONDS, REDIS_FAULTS, Tail
from utils.streams.wire import Wire

HEARTBEAT_SECONDS = 15.0
LINGER_SECONDS = 10.0
PAGE_EVENTS = 200
PAGE_BYTES = 512 * 1024
READERS = 4


@dataclass(frozen=True)
class Heartbeat:
    """No event came; `seq` is the subscriber's position (None while it is unknown)."""

    seq: int | None


@dataclass(frozen=True)
class Reset:
    """The events that the subscriber missed are purged: it must read the state again; live after `seq`."""

    seq: int


FeedItem = StoredEvent | Heartbeat | Reset


class EventFeed:
    """Follows each factory's stream once, for all its subscribers; history comes from PostgreSQL.

    Subscribers share events and their encoding, so that each costs only a coroutine and a position.
    """

    def __init__(
        self,
        *,
        database: Database,
        redis: Redis,
        publisher: str,
        sealing_key: SecretStr | None = None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._log = EventLog(database)
        self._redis = redis
        self._wire = Wire(publisher, Seal(publisher, sealing_key))
        metrics.STREAM_FOREIGN.labels(publisher)
        self._heartbeat_seconds = heartbeat_seconds
        self._tails: dict[UUID, Tail] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._ticker: asyncio.Task[None] | None = None
        self._readers = asyncio.Semaphore(READERS)

    async def subscribe(
        self, factory_id: UUID, after_seq: int | None = None
    ) -> AsyncGenerator[FeedItem, None]:
        """Yield the events after `after_seq`, then new ones as they come; without it, only new ones.

        If `after_seq` is None, the first item is a Heartbeat with the position. The generator ends by itself
        only if the subscriber was too slow; the subscriber resumes after the last seq it got.
        """
        tail = self._acquire(factory_id)
        try:
            async for item in self._items(tail, after_seq):
                yield item
        finally:
            self._release(tail)

    async def close(self) -> None:
        """Cancel the feed's tasks; a subscription ends with its connection."""
        tasks = [*self._tasks.values(), *([self._ticker] if self._ticker else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._tails.clear()
        self._ticker = None

    async def _items(self, tail: Tail, cursor: int | None) -> AsyncGenerator[FeedItem, None]:
        while tail.last is None:
            await tail.wait()
            if tail.last is None:
                yield Heartbeat(cursor)
        is_live = False
        if cursor is None:
            cursor, is_live = tail.last, True
            yield Heartbeat(cursor)
        while True:
            heed_cancellation()
            events = tail.after(cursor)
            if events is None and is_live:
                metrics.FEED_CUT.inc()
                return
            items: Sequence[FeedItem]
            if events is None or cursor > tail.last:
                items = await self._catch_up(tail, cursor)
            else:
                is_live = True
                items = events or await self._news(tail, cursor)
            for item in items:
                yield item
                cursor = cursor if isinstance(item, Heartbeat) else item.seq

    async def _news(self, tail: Tail, cursor: int) -> Sequence[FeedItem]:
        await tail.wait()
        events = tail.after(cursor)
        # an empty list: no event came, the ticker woke the subscriber
        return [Heartbeat(cursor)] if events == [] else events or []

    async def _catch_up(self, tail: Tail, cursor: int) -> Sequence[FeedItem]:
        """Return the next page of history, a Reset if it is purged, or a Heartbeat if it is unreachable."""
        try:
            async with self._readers, asyncio.timeout(LOG_TIMEOUT_SECONDS):
                items = await self._history(tail.factory_id, cursor)
        except DATABASE_FAULTS:
            items = await self._history_in_redis(tail.factory_id, cursor)
        if not items:
            await asyncio.sleep(LOG_POLL_SECONDS)
        return items or [Heartbeat(cursor)]

    async def _history(self, factory_id: UUID, cursor: int) -> Sequence[FeedItem]:
        events = await self._log.read(factory_id, cursor, PAGE_EVENTS, max_bytes=PAGE_BYTES)
        if events and events[0].seq == cursor + 1:
            return events
        # The page may be outdated: only the oldest and the newest seq of one moment show that events are
        # purged.
        oldest, head = await self._log.extent(factory_id)
        return [] if oldest <= cursor + 1 <= head + 1 else [Reset(head)]

    async def _history_in_redis(self, factory_id: UUID, cursor: int) -> Sequence[FeedItem]:
        try:
            found = await self._wire.range(self._redis, factory_id, after=cursor, count=PAGE_EVENTS)
        except REDIS_FAULTS:
            return []
        events = found.events
        return events if events and events[0].seq == cursor + 1 else []

    def _acquire(self, factory_id: UUID) -> Tail:
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick(), name="feed-heartbeat", context=Context())
        tail = self._tails.get(factory_id)
        if tail is None:
            tail = Tail(factory_id, log=self._log, redis=self._redis, wire=self._wire)
            self._tails[factory_id] = tail
            # In a context of its own: the task outlives the request, and the trace, of the first subscriber.
            following = asyncio.create_task(tail.run(), name=f"tail-{factory_id}", context=Context())
            self._tasks[factory_id] = following
        tail.watchers += 1
        metrics.FEED_SUBSCRIBERS.inc()
        return tail

    def _release(self, tail: Tail) -> None:
        tail.watchers -= 1
        metrics.FEED_SUBSCRIBERS.dec()
        if tail.watchers == 0:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._forget, tail)

    def _forget(self, tail: Tail) -> None:
        if tail.watchers == 0 and self._tails.get(tail.factory_id) is tail:
            del self._tails[tail.factory_id]
            self._tasks.pop(tail.factory_id).cancel()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            for tail in self._tails.values():
                tail.wake()
