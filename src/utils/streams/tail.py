"""The newest events of one factory, followed once for all its subscribers."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from utils.database import DATABASE_FAULTS
from utils.lifecycle import heed_cancellation
from utils.logging import logger
from utils.outbox import EventLog, StoredEvent
from utils.streams.client import BLOCK_SECONDS
from utils.streams.wire import Found, Wire, after_seq, read_streams
from utils.tracing import delivered

RING_EVENTS = 1000
RING_BYTES = 4 * 1024 * 1024
PRELOADED_EVENTS = 200
READ_EVENTS = 100
LOG_POLL_SECONDS = 0.3
LOG_TIMEOUT_SECONDS = 2.0
LOOK_SECONDS = 0.3
REDIS_RETRY_SECONDS = 1.0
SILENT_READS = 10
REDIS_FAULTS = (RedisError, OSError, TimeoutError)


class Tail:
    """A gap-free ring of the newest events, read from Redis, or from PostgreSQL while Redis is away."""

    def __init__(self, factory_id: UUID, *, log: EventLog, redis: Redis, wire: Wire) -> None:
        self.factory_id = factory_id
        self.last: int | None = None
        self.watchers = 0
        self._log = log
        # a connection of its own: it always has a read waiting, and taking one from the pool costs more than
        # the read
        self._client = redis.client()
        self._wire = wire
        self._key = wire.key(factory_id)
        self._ring: deque[StoredEvent] = deque()
        self._ring_bytes = 0
        self._news = asyncio.Event()
        self._redis_away = False
        self._redis_due = 0.0
        self._silent_reads = 0

    async def run(self) -> None:
        """Follow the factory's events until cancelled; a source that is away is retried."""
        try:
            await self._run()
        finally:
            await self._client.aclose()

    async def _run(self) -> None:
        while True:
            heed_cancellation()
            try:
                await (self._begin() if self.last is None else self._follow())
            except Exception:  # noqa: BLE001 - one bad entry must not leave subscribers waiting for ever
                logger.exception("following events failed", extra={"factory_id": str(self.factory_id)})
                await asyncio.sleep(REDIS_RETRY_SECONDS)

    def after(self, seq: int) -> list[StoredEvent] | None:
        """Return the events after `seq`: none if it is the newest, None if the ring begins later."""
        missing = (self.last or 0) - seq
        if missing <= 0:
            return []
        if missing > len(self._ring):
            return None
        return [self._ring[-back] for back in range(missing, 0, -1)]

    async def wait(self) -> None:
        """Wait for the next event or wake-up."""
        await self._news.wait()

    def wake(self) -> None:
        """Wake all waiting subscribers."""
        self._news.set()
        self._news = asyncio.Event()

    async def _begin(self) -> None:
        try:
            async with asyncio.timeout(LOG_TIMEOUT_SECONDS):
                head = await self._log.head(self.factory_id)
                start = max(0, head - PRELOADED_EVENTS)
                newest = await self._log.read(self.factory_id, start, PRELOADED_EVENTS, max_bytes=RING_BYTES)
            self._start(newest, head)
        except DATABASE_FAULTS:
            await self._begin_with_redis()

    async def _begin_with_redis(self) -> None:
        try:
            newest = (await self._wire.newest(self._client, self.factory_id, count=PRELOADED_EVENTS)).events
        except REDIS_FAULTS:
            newest = []
        if newest:
            self._start(newest, newest[-1].seq)
        else:
            await asyncio.sleep(LOG_POLL_SECONDS)

    def _start(self, newest: Sequence[StoredEvent], head: int) -> None:
        # `_extend` keeps only the events without a gap, also of a page cut short by its bytes
        self.last = newest[0].seq - 1 if newest else head
        self._extend(newest)
        self.wake()

    async def _follow(self) -> None:
        if self._redis_away and time.monotonic() < self._redis_due:
            await self._follow_log(rest=True)
            return
        try:
            found = await self._read_redis()
        except REDIS_FAULTS as error:
            self._note_redis(error)
            return
        self._note_redis(None)
        news = found.events
        self._silent_reads = 0 if news else self._silent_reads + 1
        for event in news:
            delivered(event, self.watchers)
        # Whoever else writes to the stream may have taken an event's place: the log has it.
        is_gap = bool(found.foreign) or (bool(news) and news[0].seq > (self.last or 0) + 1)
        if is_gap or self._silent_reads >= SILENT_READS:
            self._silent_reads = 0
            await self._follow_log(rest=is_gap)
        self._extend(news)

    async def _read_redis(self) -> Found:
        """Return the stream's new events; while Redis counts as away, without blocking and within 0.3 s."""
        if self._client.connection is None:
            await self._client.initialize()
        streams = {self._key: after_seq(self.last or 0)}
        if not self._redis_away:
            answer = await read_streams(self._client, streams, count=READ_EVENTS, block_seconds=BLOCK_SECONDS)
        else:
            async with asyncio.timeout(LOOK_SECONDS):
                answer = await read_streams(self._client, streams, count=READ_EVENTS, block_seconds=None)
        return self._wire.read(self.factory_id, answer.get(self._key, []))

    async def _follow_log(self, *, rest: bool) -> None:
        """Read new events from PostgreSQL; with `rest`, pause 0.3 s if there are none."""
        before = self.last
        try:
            async with asyncio.timeout(LOG_TIMEOUT_SECONDS):
                events = await self._log.read(self.factory_id, self.last or 0, READ_EVENTS)
        except DATABASE_FAULTS as error:
            extra = {"factory_id": str(self.factory_id), "error": type(error).__name__}
            logger.warning("the event log cannot be read", extra=extra)
        else:
            if events and events[0].seq > (self.last or 0) + 1:
                self._leap(events[0].seq - 1)
            self._extend(events)
        if rest and self.last == before:
            await asyncio.sleep(LOG_POLL_SECONDS)

    def _leap(self, seq: int) -> None:
        """Continue after purged events; a subscriber that has not seen them gets a Reset."""
        self._ring.clear()
        self._ring_bytes = 0
        self.last = seq

    def _note_redis(self, error: Exception | None) -> None:
        extra = {"factory_id": str(self.factory_id)}
        if error is not None and not self._redis_away:
            extra["error"] = type(error).__name__
            logger.warning("Redis is away; events are read from the database", extra=extra)
        if error is None and self._redis_away:
            logger.info("events are read from Redis again", extra=extra)
        self._redis_away = error is not None
        self._redis_due = time.monotonic() + REDIS_RETRY_SECONDS

    def _extend(self, events: Sequence[StoredEvent]) -> None:
        """Append the events that continue the ring without a gap; the others are read again later."""
        before = self.last
        for event in events:
            if event.seq == (self.last or 0) + 1:
                self._ring.append(event)
                self._ring_bytes += len(event.payload)
                self.last = event.seq
        while len(self._ring) > RING_EVENTS or (self._ring_bytes > RING_BYTES and len(self._ring) > 1):
            self._ring_bytes -= len(self._ring.popleft().payload)
        if self.last != before:
            self.wake()
