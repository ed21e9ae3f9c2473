"""The work of the leading relay: number, publish, check, repair and purge events."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from redis.exceptions import RedisError

from utils.logging import logger
from utils.outbox import StoredEvent
from utils.relay.appender import STREAM_EVENTS, Appender, Batch
from utils.relay.ledger import Head, Ledger
from utils.relay.metrics import (
    LAST_SUCCESS,
    OUTBOX_OLDEST_AGE,
    OUTBOX_PENDING,
    PUBLISHED,
    PURGED,
    REPUBLISHED,
)
from utils.relay.stream_sizes import MAX_STREAM_BYTES, StreamSizes
from utils.tracing import published

CHECK_SECONDS = 3.0
LOOK_SECONDS = 0.5
PURGE_SECONDS = 60.0
REMEMBER_SECONDS = 1.0
HEADS_PAGE = 500
PURGE_ROWS = 1000
FIRST_BACKOFF_SECONDS = 0.25
LAST_BACKOFF_SECONDS = 5.0

REDIS_FAULTS = (RedisError, OSError, TimeoutError)


class Shift:
    """The work of one relay while it leads, step by step.

    Numbering continues while Redis is away. Events that were not published are found by comparing every
    factory's head with its stream, as soon as Redis is back and every 3 s.
    """

    def __init__(
        self, ledger: Ledger, appender: Appender, sizes: StreamSizes, *, retention: timedelta
    ) -> None:
        self._ledger = ledger
        self._appender = appender
        self._sizes = sizes
        self._retention = retention
        self._published: dict[UUID, int] = {}
        self._unremembered: dict[UUID, int] = {}
        self._behind: dict[UUID, None] = {}
        self._backoff = 0.0
        self._redis_due = 0.0
        self._check_due = 0.0
        self._look_due = 0.0
        self._remember_due = 0.0
        self._purge_due = 0.0

    async def step(self) -> bool:
        """Do the work that is due; return whether there may be more at once."""
        numbered = await self._ledger.sequence()
        repaired = await self._use_redis(numbered)
        await self._housekeep()
        return bool(numbered) or repaired

    async def _use_redis(self, numbered: Mapping[UUID, Sequence[StoredEvent]]) -> bool:
        if time.monotonic() < self._redis_due:
            return False
        try:
            await self._check_when_due()
            await self._publish(numbered)
            repaired = await self._repair_one()
        except REDIS_FAULTS as error:
            self._back_off(error)
            return False
        if self._backoff:
            logger.info("the relay reaches Redis again")
            self._backoff = 0.0
        LAST_SUCCESS.set_to_current_time()
        return repaired

    def _back_off(self, error: Exception) -> None:
        if not self._backoff:
            logger.warning("the relay cannot reach Redis", extra={"error": type(error).__name__})
        self._backoff = min(max(self._backoff * 2, FIRST_BACKOFF_SECONDS), LAST_BACKOFF_SECONDS)
        self._redis_due = time.monotonic() + self._backoff
        self._check_due = 0.0  # events lost meanwhile are found by checking every stream

    async def _publish(self, numbered: Mapping[UUID, Sequence[StoredEvent]]) -> None:
        if not numbered:
            return
        with published(numbered) as traced:
            batches = {factory_id: Batch(events) for factory_id, events in traced.items()}
            reached = await self._appender.append(batches)
        for factory_id, last in reached.items():
            self._note_published(factory_id, last)
            if last != numbered[factory_id][-1].seq:
                self._behind[factory_id] = None
            self._sizes.note(factory_id, (event.payload for event in numbered[factory_id]))
        await self._sizes.keep_bounds()

    async def _check_when_due(self) -> None:
        """Compare every head with its stream every 3 s, and within half a second after Redis was emptied."""
        now = time.monotonic()
        if now < min(self._check_due, self._look_due):
            return
        self._look_due = now + LOOK_SECONDS
        is_announced = await self._appender.has_index()
        if is_announced and now < self._check_due:
            return
        after = None
        while heads := await self._ledger.heads(after, HEADS_PAGE):
            await self._check(heads)
            if not is_announced:
                await self._appender.announce([head.factory_id for head in heads])
            after = heads[-1].factory_id
        self._check_due = time.monotonic() + CHECK_SECONDS

    async def _check(self, heads: Sequence[Head]) -> None:
        reached = await self._appender.last([head.factory_id for head in heads])
        for head in heads:
            self._published[head.factory_id] = max(
                head.published_seq, self._published.get(head.factory_id, 0)
            )
            last = reached[head.factory_id]
            if last > head.seq:
                await self._discard(head, last)
            if last != head.seq:
                self._behind[head.factory_id] = None
                self._sizes.forget(head.factory_id)
            else:
                self._note_published(head.factory_id, last)
        await self._sizes.measure_unknown([head.factory_id for head in heads])
        await self._sizes.keep_bounds()

    async def _discard(self, head: Head, last: int) -> None:
        logger.error(
            "a stream is ahead of its log: the database was set back; the stream is written anew",
            extra={"factory_id": str(head.factory_id), "stream_seq": last, "log_seq": head.seq},
        )
        self._published[head.factory_id] = head.seq
        await self._appender.delete(head.factory_id)

    async def _repair_one(self) -> bool:
        if not self._behind:
            return False
        factory_id = next(iter(self._behind))
        del self._behind[factory_id]
        if await self._repair(factory_id):
            self._behind[factory_id] = None  # at the end of the queue, so that each factory gets its turn
        return bool(self._behind)

    async def _repair(self, factory_id: UUID) -> bool:
        """Append the next page of the events that a stream lacks; return whether it may lack more."""
        last = (await self._appender.last([factory_id]))[factory_id]
        tail = await self._ledger.tail_start(factory_id, STREAM_EVENTS, MAX_STREAM_BYTES)
        events = await self._ledger.read(factory_id, max(last, tail))
        if not events:
            return False
        batch = Batch(events, may_jump=events[0].seq != last + 1)
        reached = (await self._appender.append({factory_id: batch}))[factory_id]
        self._sizes.note(factory_id, (event.payload for event in events))
        await self._sizes.keep_bounds()
        again = sum(event.seq <= self._published.get(factory_id, 0) for event in events)
        REPUBLISHED.inc(again)
        self._note_published(factory_id, reached)
        return True

    def _note_published(self, factory_id: UUID, last: int) -> None:
        before = self._published.get(factory_id, 0)
        if last > before:
            PUBLISHED.inc(last - before)
            self._published[factory_id] = self._unremembered[factory_id] = last

    async def _housekeep(self) -> None:
        now = time.monotonic()
        if now >= self._remember_due:
            self._remember_due = now + REMEMBER_SECONDS
            await self._remember()
        if now >= self._purge_due:
            purged = await self._ledger.purge(self._retention, PURGE_ROWS)
            PURGED.inc(purged)
            self._purge_due = now + (REMEMBER_SECONDS if purged else PURGE_SECONDS)

    async def _remember(self) -> None:
        if self._unremembered:
            news, self._unremembered = self._unremembered, {}
            await self._ledger.remember(news)
        backlog = await self._ledger.backlog()
        OUTBOX_PENDING.set(backlog.events)
        OUTBOX_OLDEST_AGE.set(backlog.age_seconds)
