"""Passes one factory's events to the handler: in order, without a gap, each exactly once."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from utils.clock import utc_now
from utils.lifecycle import heed_cancellation
from utils.logging import logger
from utils.outbox import StoredEvent
from utils.streams import metrics
from utils.streams.handler import Handler
from utils.streams.handling import Handling, Records

QUEUE_EVENTS = 256
QUEUE_BYTES = 4 * 1024 * 1024
BATCH_EVENTS = 100
BATCH_BYTES = 2 * 1024 * 1024
GAP_EVENTS = 100
FIRST_BACKOFF_SECONDS = 0.25
LAST_BACKOFF_SECONDS = 30.0
LAST_FAULT_BACKOFF_SECONDS = 2.0
DISTRUST_SECONDS = 2.0


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

    records: Records
    publisher: str
    handler: Handler
    fetch_gap: FetchGap


class Lane:
    """The queue of one factory's events and the task that handles them; a failing lane blocks no other."""

    def __init__(self, work: Work, factory_id: UUID, position: int) -> None:
        self.factory_id = factory_id
        self.received = position
        self.head = position
        self.behind = True
        self.queued_bytes = 0
        self._handling = Handling(work.records, work.handler, work.publisher, factory_id, position)
        self._distrusted_until = 0.0
        self._work = work
        self._queue: deque[StoredEvent] = deque()
        self._wanted: list[int] = []
        self._tick_backoff = 0.0
        self._tick_due = 0.0
        self._filled = asyncio.Event()
        self._is_woken = False
        self._ends = False

    @property
    def position(self) -> int:
        """The seq of the last event that was handled."""
        return self._handling.position

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

    def retry(self, seqs: list[int]) -> None:
        """Try events again that were set aside."""
        if seqs and not self._wanted:
            self._wanted = list(seqs)
            self._filled.set()

    def wake(self) -> None:
        """Look at what waits for a time, as if an event had come."""
        self._is_woken = True
        self._filled.set()

    def end(self) -> None:
        """End after the transaction under way; a fetch or a pause under way still completes."""
        self._ends = True
        self._filled.set()

    async def run(self) -> None:
        """Handle queued events, and what waits for a time, until `end` is called."""
        while True:
            heed_cancellation()
            await self._wait()
            if self._ends:
                return
            batch = await self._next_batch()
            if batch:
                await self._handling.handle(batch, lambda: self._ends)
                self.received = max(self.received, self.position)
            while self._wanted and not self._ends:
                await self._handling.retry(self._wanted.pop(0))
            if not self._queue and not self._ends:
                self._filled.clear()
                await self._tick_if_due()

    async def _wait(self) -> None:
        """Wait for an event, or until something is due."""
        due = self._work.handler.due(self.factory_id)
        if due is None and not self._is_woken:
            await self._filled.wait()
            return
        seconds = 0.0 if due is None else (due - utc_now()).total_seconds()
        seconds = max(0.0 if self._is_woken else seconds, self._tick_due - time.monotonic(), 0.0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._filled.wait(), seconds)

    async def _tick_if_due(self) -> None:
        """Let time pass for the factory, unless events that are older still wait."""
        due = self._work.handler.due(self.factory_id)
        is_due = self._is_woken or (due is not None and due <= utc_now())
        if not is_due or time.monotonic() < self._tick_due:
            return
        if self.lag > 0:
            self._tick_due = time.monotonic() + FIRST_BACKOFF_SECONDS
            return
        if await self._handling.tick():
            self._is_woken = False
            self._tick_backoff = 0.0
        else:
            longest = max(self._tick_backoff * 2, FIRST_BACKOFF_SECONDS)
            self._tick_backoff = min(longest, LAST_BACKOFF_SECONDS)
        self._tick_due = time.monotonic() + self._tick_backoff

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
            await self._handling.skip_to(min(gap.oldest, until))
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
                extra = {**self._about(), "error": type(error).__name__}
                logger.warning("the publisher does not answer; the gap is fetched later", extra=extra)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LAST_FAULT_BACKOFF_SECONDS)

    def _about(self) -> dict[str, str]:
        return {"factory_id": str(self.factory_id), "publisher": self._work.publisher}
