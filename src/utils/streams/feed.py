"""The feed for open connections: every subscriber of a factory gets its events, none missing, none twice."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextvars import Context
from dataclasses import dataclass
from uuid import UUID

from redis.asyncio import Redis

from utils.database import DATABASE_FAULTS, Database
from utils.lifecycle import heed_cancellation
from utils.outbox import EventLog, StoredEvent
from utils.streams import metrics
from utils.streams.client import stream_key
from utils.streams.tail import LOG_POLL_SECONDS, LOG_TIMEOUT_SECONDS, REDIS_FAULTS, Tail
from utils.streams.wire import read_range

HEARTBEAT_SECONDS = 15.0
LINGER_SECONDS = 10.0
PAGE_EVENTS = 200
PAGE_BYTES = 512 * 1024
READERS = 4


@dataclass(frozen=True)
class Heartbeat:
    """Nothing happened; `seq` is where the subscriber stands (None while that is not known)."""

    seq: int | None


@dataclass(frozen=True)
class Reset:
    """What the subscriber missed is not kept any more: it must read the state anew; live from `seq` on."""

    seq: int


FeedItem = StoredEvent | Heartbeat | Reset


class EventFeed:
    """Follows each factory's stream once and fans it out; history comes from PostgreSQL.

    Subscribers share events and their encoding, so that one costs a coroutine and a number.
    """

    def __init__(
        self,
        *,
        database: Database,
        redis: Redis,
        publisher: str,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._log = EventLog(database)
        self._redis = redis
        self._publisher = publisher
        self._heartbeat_seconds = heartbeat_seconds
        self._tails: dict[UUID, Tail] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._ticker: asyncio.Task[None] | None = None
        self._readers = asyncio.Semaphore(READERS)

    async def subscribe(
        self, factory_id: UUID, after_seq: int | None = None
    ) -> AsyncGenerator[FeedItem, None]:
        """Give the events after `after_seq`, then live; without it, live from now on.

        Begins with a Heartbeat that tells the position when `after_seq` is None. Ends by itself only when
        the subscriber was too slow: it resumes with the last seq it got.
        """
        tail = self._acquire(factory_id)
        try:
            async for item in self._items(tail, after_seq):
                yield item
        finally:
            self._release(tail)

    async def close(self) -> None:
        """End everything; subscriptions end with their connections."""
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
        # no events and nothing missing: the ticker woke us
        return [Heartbeat(cursor)] if events == [] else events or []

    async def _catch_up(self, tail: Tail, cursor: int) -> Sequence[FeedItem]:
        """Give the next page of history, a Reset when it is gone, a Heartbeat when it cannot be had now."""
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
        head = await self._log.head(factory_id)
        return [] if cursor == head else [Reset(head)]

    async def _history_in_redis(self, factory_id: UUID, cursor: int) -> Sequence[FeedItem]:
        try:
            events = await read_range(
                self._redis, stream_key(self._publisher, factory_id), after=cursor, count=PAGE_EVENTS
            )
        except REDIS_FAULTS:
            return []
        return events if events and events[0].seq == cursor + 1 else []

    def _acquire(self, factory_id: UUID) -> Tail:
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick(), name="feed-heartbeat", context=Context())
        tail = self._tails.get(factory_id)
        if tail is None:
            tail = Tail(factory_id, log=self._log, redis=self._redis, publisher=self._publisher)
            self._tails[factory_id] = tail
            # In a context of its own: it outlives the request, and the trace, of who asked first.
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
