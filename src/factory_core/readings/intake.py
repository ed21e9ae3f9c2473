"""The way of batches into the database: bounded, and small ones together in one transaction."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import asyncpg

from factory_core.readings import metrics
from factory_core.readings.batch import Batch, Key
from factory_core.readings.recorder import BatchAnswer
from utils.errors import UnavailableError
from utils.logging import logger
from utils.tracing import shared

Record = Callable[[Sequence[Batch]], Awaitable[list[BatchAnswer]]]

LARGE_BATCH: Final = 500
"""From so many readings on, a batch gains nothing from sharing a transaction."""

SMALL_WRITERS: Final = 2
LARGE_WRITERS: Final = 4
MOST_BATCHES_TOGETHER: Final = 256

# What one batch may cause and its neighbours in the group need not suffer from.
_OWN_FAULTS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
)


class _Waiting:
    """A batch and the future of who waits for its answer."""

    __slots__ = ("answer", "batch")

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def settle(self, outcome: BatchAnswer) -> None:
        if self.answer.done():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class Intake:
    """Takes batches in, each answered when it is durable.

    A lone batch is written at once. While every writer is busy, small ones gather and are written together:
    no timer delays anything. Never more than `most_readings` are on their way; who comes then is turned away.
    """

    def __init__(self, record: Record, *, most_readings: int) -> None:
        self._small = _Lane(record, writers=SMALL_WRITERS, together=LARGE_BATCH)
        self._large = _Lane(record, writers=LARGE_WRITERS, together=1)
        self._most_readings = most_readings
        self._queued = 0
        self._in_flight: dict[Key, asyncio.Future[bytes]] = {}

    async def submit(self, batch: Batch) -> bytes:
        """Record a batch and give its answer.

        Raises:
            ConflictError: its id was used with another body.
            UnavailableError: too many readings wait already.
        """
        size = max(1, len(batch))
        if self._queued + size > self._most_readings:
            metrics.TURNED_AWAY.inc()
            raise UnavailableError("Too many readings wait for the database. Ask again shortly.")
        self._queued += size
        metrics.QUEUED_READINGS.inc(size)
        try:
            with metrics.BATCH_SECONDS.time():
                return await self._write(batch)
        finally:
            self._queued -= size
            metrics.QUEUED_READINGS.dec(size)

    async def _write(self, batch: Batch) -> bytes:
        key = batch.key
        while key in self._in_flight:  # the same batch twice at once: the second finds what the first left
            await asyncio.wait([self._in_flight[key]])
            await asyncio.sleep(0)
        waiting = _Waiting(batch)
        self._in_flight[key] = waiting.answer
        try:
            (self._large if len(batch) >= LARGE_BATCH else self._small).put(waiting)
            return await waiting.answer
        finally:
            del self._in_flight[key]

    async def close(self) -> None:
        """Write what has been taken in."""
        await self._small.close()
        await self._large.close()


class _Lane:
    """A queue and its writers, which exist only while there is something to write."""

    def __init__(self, record: Record, *, writers: int, together: int) -> None:
        self._record = record
        self._writers = writers
        self._together = together
        self._queue: deque[_Waiting] = deque()
        self._writing: set[asyncio.Task[None]] = set()

    def put(self, waiting: _Waiting) -> None:
        self._queue.append(waiting)
        if len(self._writing) < self._writers:
            task = asyncio.create_task(self._write(), name="ingest-writer")
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def close(self) -> None:
        while self._writing:
            await asyncio.wait(self._writing)

    async def _write(self) -> None:
        while group := self._take():
            await self._record_group(group)

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        readings = 0
        while self._queue and readings < self._together and len(group) < MOST_BATCHES_TOGETHER:
            waiting = self._queue.popleft()
            if (
                not waiting.answer.done()
            ):  # else its sender has gone, and may have come back with the same batch
                group.append(waiting)
                readings += max(1, len(waiting.batch))
        return group

    async def _record_group(self, group: list[_Waiting]) -> None:
        try:
            with shared("record batches", [waiting.batch.trace for waiting in group]):
                outcomes = await self._record([waiting.batch for waiting in group])
        except _OWN_FAULTS as error:
            if len(group) == 1:
                group[0].settle(error)
                return
            logger.warning("a batch spoils its group, each is written alone", extra={"batches": len(group)})
            for waiting in group:
                await self._record_group([waiting])
        except Exception as error:  # noqa: BLE001 - whoever waits must be told, whatever it was
            for waiting in group:
                waiting.settle(error)
        else:
            for waiting, outcome in zip(group, outcomes, strict=True):
                waiting.settle(outcome)
