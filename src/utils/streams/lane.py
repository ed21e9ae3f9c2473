"""Passes one factory's events to the handler: in order, without a gap, each exactly once."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from utils.clock import utc_now
from utils.database import Database, Transaction, is_connection_fault
from utils.lifecycle import heed_cancellation
from utils.logging import logger
from utils.outbox import StoredEvent
from utils.streams import metrics
from utils.streams.positions import PositionMovedError, Positions
from utils.tracing import handled

QUEUE_EVENTS = 256
QUEUE_BYTES = 4 * 1024 * 1024
BATCH_EVENTS = 100
BATCH_BYTES = 2 * 1024 * 1024
GAP_EVENTS = 100
FIRST_BACKOFF_SECONDS = 0.25
LAST_BACKOFF_SECONDS = 30.0
LAST_FAULT_BACKOFF_SECONDS = 2.0
DISTRUST_SECONDS = 2.0

Handle = Callable[[Transaction, list[StoredEvent]], Awaitable[None]]


@dataclass(frozen=True)
class Gap:
    """What a publisher has of a factory's events after a seq, as of one moment.

    Args:
        events: the first of them, in order.
        head: the seq of the newest event; 0 if there is none.
        oldest: the seq of the oldest event still kept; head + 1 if none is.
    """

    events: list[StoredEvent]
    head: int
    oldest: int


FetchGap = Callable[[UUID, int, int], Awaitable[Gap]]


@dataclass(frozen=True)
class Work:
    """The parts that all lanes of a consumer share."""

    database: Database
    positions: Positions
    publisher: str
    handle: Handle
    fetch_gap: FetchGap


class Lane:
    """The queue of one factory's events and the task that handles them; a failing lane blocks no other."""

    def __init__(self, work: Work, factory_id: UUID, position: int) -> None:
        self.factory_id = factory_id
        self.position = position
        self.received = position
        self.head = position
        self.behind = True
        self.queued_bytes = 0
        self._distrusted_until = 0.0
        self._work = work
        self._queue: deque[StoredEvent] = deque()
        self._filled = asyncio.Event()
        self._ends = False

    @property
    def full(self) -> bool:
        """Whether the queue is full."""
        return len(self._queue) >= QUEUE_EVENTS or self.queued_bytes >= QUEUE_BYTES

    @property
    def is_stream_distrusted(self) -> bool:
        """Whether the events come from the publisher for now, because its stream cannot be relied on."""
        return time.monotonic() < self._distrusted_until

    @property
    def reads_stream(self) -> bool:
        """Whether more events are to be read from the stream."""
        return not self.full and not self.is_stream_distrusted

    @property
    def lag(self) -> int:
        """How many events are known to exist and are not handled yet."""
        return max(self.head, self.received) - self.position

    def offer(self, events: Iterable[StoredEvent]) -> None:
        """Queue the events newer than all queued before; a gap before one is closed when its turn comes."""
        for event in events:
            if event.seq > self.received:
                self._queue.append(event)
                self.queued_bytes += len(event.payload)
                self.received = event.seq
        if self._queue:
            self._filled.set()

    def distrust_stream(self, reason: str) -> None:
        """Take events from the publisher alone for a while: whatever the stream holds, its log decides."""
        if time.monotonic() > self._distrusted_until + DISTRUST_SECONDS:
            logger.warning(
                "the stream is not trusted; events are fetched from the publisher",
                extra={**self._about(), "reason": reason},
            )
        self._distrusted_until = time.monotonic() + DISTRUST_SECONDS

    def end(self) -> None:
        """End after the transaction under way; a fetch or a pause under way still completes."""
        self._ends = True
        self._filled.set()

    async def run(self) -> None:
        """Handle queued events until `end` is called."""
        while True:
            heed_cancellation()
            await self._filled.wait()
            if self._ends:
                return
            batch = await self._next_batch()
            if batch:
                await self._handle_all(batch)
            if not self._queue and not self._ends:
                self._filled.clear()

    async def _next_batch(self) -> list[StoredEvent]:
        self._drop_handled()
        if not self._queue:
            return []
        if self._queue[0].seq == self.position + 1:
            return self._take_batch()
        return await self._close_gap(self._queue[0].seq)

    def _drop_handled(self) -> None:
        while self._queue and self._queue[0].seq <= self.position:
            self._pop()

    def _take_batch(self) -> list[StoredEvent]:
        batch = [self._pop()]
        size = len(batch[0].payload)
        while self._queue and len(batch) < BATCH_EVENTS and size < BATCH_BYTES:
            if self._queue[0].seq != batch[-1].seq + 1:
                break
            batch.append(self._pop())
            size += len(batch[-1].payload)
        return batch

    def _pop(self) -> StoredEvent:
        event = self._queue.popleft()
        self.queued_bytes -= len(event.payload)
        return event

    async def _close_gap(self, until: int) -> list[StoredEvent]:
        """Fetch the missing events before seq `until` from the publisher; skip those that it has purged."""
        gap = await self._fetch(min(GAP_EVENTS, until - self.position - 1))
        wanted = [event for event in gap.events if self.position < event.seq < until]
        if wanted and wanted[0].seq == self.position + 1:
            metrics.CONSUMER_FETCHED.labels(self._work.publisher).inc(len(wanted))
            return wanted
        if gap.head <= self.position:
            self._empty("its events are ahead of the publisher's log")
        elif gap.oldest > self.position + 1:
            await self._skip_to(min(gap.oldest, until))
        else:
            await asyncio.sleep(FIRST_BACKOFF_SECONDS)  # the page was read before the event was there
        return []

    def _empty(self, reason: str) -> None:
        """Drop what is queued: the publisher, which is asked from now on, does not know it."""
        self._queue.clear()
        self.queued_bytes = 0
        self.received = self.position
        self.distrust_stream(reason)

    async def _fetch(self, limit: int) -> Gap:
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            heed_cancellation()
            try:
                return await self._work.fetch_gap(self.factory_id, self.position, limit)
            except Exception as error:  # noqa: BLE001 - the publisher is asked again after any failure
                self._warn("the publisher does not answer; the gap is fetched later", error)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LAST_FAULT_BACKOFF_SECONDS)

    async def _skip_to(self, seq: int) -> None:
        logger.error(
            "events are lost: neither the stream nor the publisher has them any more",
            extra={**self._about(), "first_seq": self.position + 1, "last_seq": seq - 1},
        )
        metrics.CONSUMER_SKIPPED.labels(self._work.publisher).inc(seq - 1 - self.position)
        await self._commit([], before=self.position, after=seq - 1)

    async def _handle_all(self, batch: Sequence[StoredEvent]) -> None:
        """Handle a batch in one transaction; after a failure in halves, down to the failing event alone."""
        rest, size, backoff = list(batch), len(batch), FIRST_BACKOFF_SECONDS
        while rest and not self._ends:
            heed_cancellation()
            chunk = rest[:size]
            try:
                await self._commit(chunk, before=self.position, after=chunk[-1].seq)
            except Exception as error:  # noqa: BLE001 - any failure is logged and retried
                is_fault = is_connection_fault(error)
                self._tell_failure(error, chunk, is_fault=is_fault)
                if len(chunk) > 1 and not is_fault:
                    size = len(chunk) // 2  # the events before the failing one are handled
                    continue
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, LAST_FAULT_BACKOFF_SECONDS if is_fault else LAST_BACKOFF_SECONDS)
            else:
                rest = [event for event in rest if event.seq > self.position]
                backoff = FIRST_BACKOFF_SECONDS

    async def _commit(self, events: list[StoredEvent], *, before: int, after: int) -> None:
        """Commit the effects with the position; if another process has moved it, load the new one instead."""
        work = self._work
        try:
            with handled(work.publisher, events):
                async with work.database.transaction() as transaction:
                    await work.positions.advance(transaction, self.factory_id, before=before, after=after)
                    if events:
                        await work.handle(transaction, events)
        except PositionMovedError:
            self.position = await work.positions.load_one(work.database, self.factory_id)
            self.received = max(self.received, self.position)
            return
        self.position = after
        metrics.CONSUMER_HANDLED.labels(work.publisher).inc(len(events))
        metrics.CONSUMER_LAST_SUCCESS.labels(work.publisher).set(utc_now().timestamp())

    def _tell_failure(self, error: Exception, chunk: Sequence[StoredEvent], *, is_fault: bool) -> None:
        if is_fault:
            self._warn("the database is away; the events are handled later", error)
            return
        metrics.CONSUMER_FAILURES.labels(self._work.publisher).inc()
        logger.error(
            "events could not be handled and are tried again",
            exc_info=error,
            extra={**self._about(), "first_seq": chunk[0].seq, "last_seq": chunk[-1].seq},
        )

    def _warn(self, message: str, error: Exception) -> None:
        logger.warning(message, extra={**self._about(), "error": type(error).__name__})

    def _about(self) -> dict[str, str]:
        return {"factory_id": str(self.factory_id), "publisher": self._work.publisher}
