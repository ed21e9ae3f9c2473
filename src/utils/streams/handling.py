"""Handles one factory's events: computes, commits, and sets aside the event that cannot be handled."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from utils.clock import utc_now
from utils.database import Database, Transaction, is_passing_fault
from utils.lifecycle import heed_cancellation
from utils.logging import logger
from utils.outbox import StoredEvent
from utils.streams import metrics
from utils.streams.handler import Effects, Handler, StaleError, UnusableEventError
from utils.streams.positions import PositionMovedError, Positions
from utils.streams.set_aside import SetAside
from utils.streams.trials import MAX_ATTEMPTS, Trials
from utils.tracing import handled

ATTEMPTS = 3
FIRST_BACKOFF_SECONDS = 0.25
LAST_BACKOFF_SECONDS = 30.0
LAST_FAULT_BACKOFF_SECONDS = 2.0
END_SECONDS = 0.5
ENDED = "The process ended while it handled this event."

InTransaction = Callable[[Transaction], Awaitable[None]]


class TooManySetAsideError(Exception):
    """A factory has so many events set aside that it waits for people."""


@dataclass(frozen=True)
class Records:
    """What a consumer keeps in its database about the events of one publisher."""

    database: Database
    positions: Positions
    set_aside: SetAside
    trials: Trials

    @classmethod
    def of(cls, database: Database, consumer: str, publisher: str, process: UUID) -> "Records":
        """Return the records of one consumer and publisher, kept by one process."""
        names = (consumer, publisher)
        return cls(database, Positions(*names), SetAside(*names), Trials(*names, process))


class Handling:
    """The handling of one factory's events, after those up to `position`."""

    def __init__(
        self, records: Records, handler: Handler, publisher: str, factory_id: UUID, position: int
    ) -> None:
        self.position = position
        self._records = records
        self._handler = handler
        self._publisher = publisher
        self._factory_id = factory_id
        self._is_careful = True
        self._alone_until = 0
        self._tried = 0

    async def handle(self, batch: Sequence[StoredEvent], is_ended: Callable[[], bool]) -> None:
        """Handle consecutive events; after a failure in halves, down to the failing event alone.

        That one is set aside after some attempts. A fault of the database is waited for instead.
        """
        rest, size, attempts, backoff = list(batch), len(batch), 0, FIRST_BACKOFF_SECONDS
        while rest and not is_ended():
            heed_cancellation()
            chunk = rest[:size]
            is_fault = False
            try:
                chunk = await self._take_care(chunk)
                await self._handle(chunk)
                attempts, backoff = 0, FIRST_BACKOFF_SECONDS
            except asyncio.CancelledError:
                await self._end_trial()
                raise
            except UnusableEventError as error:
                if not await self._set_aside(chunk[0], str(error), attempts + 1):
                    await asyncio.sleep(backoff)
                    backoff = min(backoff * 2, LAST_BACKOFF_SECONDS)
            except Exception as error:  # noqa: BLE001 - any failure is logged, and retried or set aside
                is_fault = is_passing_fault(error)
                self._tell_failure(error, chunk, is_fault=is_fault)
                if len(chunk) > 1 and not is_fault:
                    size = len(chunk) // 2  # the events before the failing one are handled
                    continue
                attempts += not is_fault
                if attempts >= ATTEMPTS and await self._set_aside(chunk[0], _reason(error), attempts):
                    attempts = 0
                else:
                    await asyncio.sleep(backoff)
                    longest = LAST_FAULT_BACKOFF_SECONDS if is_fault else LAST_BACKOFF_SECONDS
                    backoff = min(backoff * 2, longest)
            rest = [event for event in rest if event.seq > self.position]

    async def tick(self) -> bool:
        """Do what waited for a time; return False if that failed."""
        try:
            await self._handle([])
        except Exception as error:  # noqa: BLE001 - what is due stays due
            self._tell_failure(error, [], is_fault=is_passing_fault(error))
            return False
        return True

    async def retry(self, seq: int) -> None:
        """Try an event again that was set aside; it is forgotten if that succeeds."""
        try:
            event = await self._records.set_aside.read(self._records.database, self._factory_id, seq)
            if event is None:
                return
            with handled(self._publisher, [event]):
                effects = await self._prepare([event])
                await self._commit([event], effects, self.position, self._forgetting(seq))
        except Exception as error:  # noqa: BLE001 - people are told, and may ask again
            is_fault = is_passing_fault(error)
            self._tell_failure(error, [], is_fault=is_fault)
            if not is_fault and not isinstance(error, StaleError):
                await self._fail_again(seq, _reason(error))
        else:
            logger.info("an event that was set aside has been handled", extra={**self._about(), "seq": seq})

    async def skip_to(self, seq: int) -> None:
        """Pass over the events before `seq`, which nobody has any more."""
        logger.error(
            "events are lost: neither the stream nor the publisher has them any more",
            extra={**self._about(), "first_seq": self.position + 1, "last_seq": seq - 1},
        )
        metrics.CONSUMER_SKIPPED.labels(self._publisher).inc(seq - 1 - self.position)
        await self._commit([], None, seq - 1)

    async def _handle(self, chunk: list[StoredEvent]) -> None:
        """Handle the first of these events, and as many more as the handler takes at once."""
        effects = await self._prepare(chunk)
        with handled(self._publisher, _up_to(chunk, effects)):
            while True:
                try:
                    await self._commit(_up_to(chunk, effects), effects, effects.upto)
                except StaleError:
                    effects = await self._prepare(chunk)
                else:
                    return

    async def _prepare(self, events: list[StoredEvent]) -> Effects:
        return await self._handler.prepare(self._factory_id, events, position=self.position)

    async def _take_care(self, chunk: list[StoredEvent]) -> list[StoredEvent]:
        """Return the events to handle now: after a process has ended with them, one at a time.

        Raises:
            UnusableEventError: too many processes have ended with the first one.
        """
        if not self._is_careful:
            return chunk
        if chunk[0].seq <= self._alone_until:
            chunk = chunk[:1]
        if chunk[0].seq == self._tried:  # by this same process, which goes on
            return chunk
        trial = await self._records.trials.begin(
            self._records.database, self._factory_id, chunk[0].seq, chunk[-1].seq
        )
        self._tried = chunk[0].seq
        if trial.attempts == 1:
            return chunk
        self._alone_until = trial.upto
        if trial.attempts > MAX_ATTEMPTS:
            raise UnusableEventError(ENDED)
        return chunk[:1]

    async def _end_trial(self) -> None:
        """Note that this process ends in order, and not because of an event."""
        if self._is_careful:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(END_SECONDS), self._records.database.transaction() as transaction:
                    await self._records.trials.end(transaction, self._factory_id)

    async def _commit(
        self,
        events: Sequence[StoredEvent],
        effects: Effects | None,
        after: int,
        also: InTransaction | None = None,
    ) -> None:
        """Commit effects with the position; if another process has moved it, load the new one instead."""
        records, before = self._records, self.position
        try:
            async with records.database.transaction() as transaction:
                await records.positions.advance(transaction, self._factory_id, before=before, after=after)
                if effects is not None:
                    await effects.commit(transaction)
                if also is not None:
                    await also(transaction)
                if self._is_careful:
                    await records.trials.end(transaction, self._factory_id)
        except PositionMovedError:
            self.position = await records.positions.load_one(records.database, self._factory_id)
            return
        self.position = after
        self._is_careful = self._is_careful and after < self._alone_until
        metrics.CONSUMER_HANDLED.labels(self._publisher).inc(len(events))
        metrics.CONSUMER_LAST_SUCCESS.labels(self._publisher).set(utc_now().timestamp())

    async def _set_aside(self, event: StoredEvent, reason: str, attempts: int) -> bool:
        """Set an event aside and pass over it; return False if that failed too."""

        async def keep(transaction: Transaction) -> None:
            if not await self._records.set_aside.add(transaction, event, reason, attempts):
                raise TooManySetAsideError("too many events of this factory are set aside")
            await self._handler.impaired(transaction, event, reason)

        about = {**self._about(), "seq": event.seq, "event_type": event.type, "reason": reason}
        try:
            await self._commit([], None, event.seq, keep)
        except Exception as error:  # noqa: BLE001 - the event is tried again, and then set aside again
            self._tell_failure(error, [event], is_fault=is_passing_fault(error))
            return False
        metrics.CONSUMER_SET_ASIDE_TOTAL.labels(self._publisher).inc()
        logger.error("an event cannot be handled and is set aside: its factory is impaired", extra=about)
        return True

    def _forgetting(self, seq: int) -> InTransaction:
        async def forget(transaction: Transaction) -> None:
            left = await self._records.set_aside.remove(transaction, self._factory_id, seq)
            if not left:
                await self._handler.restored(transaction, self._factory_id)

        return forget

    async def _fail_again(self, seq: int, reason: str) -> None:
        try:
            async with self._records.database.transaction() as transaction:
                await self._records.set_aside.fail_again(transaction, self._factory_id, seq, reason)
        except Exception as error:  # noqa: BLE001 - the request stands, so it is tried again
            self._tell_failure(error, [], is_fault=is_passing_fault(error))

    def _tell_failure(self, error: Exception, chunk: Sequence[StoredEvent], *, is_fault: bool) -> None:
        about: dict[str, object] = {**self._about()}
        if is_fault:
            about["error"] = type(error).__name__
            logger.warning("the database is away; the events are handled later", extra=about)
            return
        metrics.CONSUMER_FAILURES.labels(self._publisher).inc()
        if chunk:
            about |= {"first_seq": chunk[0].seq, "last_seq": chunk[-1].seq}
        logger.error("events could not be handled and are tried again", exc_info=error, extra=about)

    def _about(self) -> dict[str, str]:
        return {"factory_id": str(self._factory_id), "publisher": self._publisher}


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, UnusableEventError) else type(error).__name__


def _up_to(chunk: Sequence[StoredEvent], effects: Effects) -> list[StoredEvent]:
    return [event for event in chunk if event.seq <= effects.upto]
