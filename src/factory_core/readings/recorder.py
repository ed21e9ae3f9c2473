"""Writes batches, their events and their answers into the database: many in one transaction."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg

from contracts.factory_core import ReadingsAccepted
from factory_core.readings import metrics
from factory_core.readings.batch import Answer, Batch, Finding, KeptValue, Key
from factory_core.readings.connections import IngestConnections
from factory_core.readings.repository import BatchEntry, EventEntry, ReadingRepository
from utils.database import Database
from utils.errors import ConflictError, UnavailableError

BatchAnswer: TypeAlias = bytes | Exception
"""The answer to a batch, or why it has none."""

COPY_FROM: Final = 250
"""From this many readings on, COPY is faster in spite of its additional round trips to the server."""

ATTEMPTS: Final = 4
DOUBT_SECONDS: Final = 30.0
MOST_DOUBTED: Final = 10_000

# A transaction that waits for a reading of another one will find it recorded, or the two wait for each other.
LOCK_SECONDS: Final = 0.5

# What another transaction did to this one, and may not do again.
_COLLISIONS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)


class BatchRecorder:
    """Records groups of batches exactly once.

    There are two ways. The straight one assumes that everything is new: it is a quarter faster, and fails as
    a whole if a reading or batch is already there. Then, and for half a minute after a factory sent
    duplicates, the careful one determines what is new, and stores that.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connections = IngestConnections(database)
        self._doubted: dict[UUID, float] = {}

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    async def record(self, group: Sequence[Batch]) -> list[BatchAnswer]:
        """Record batches with different keys; return the outcome of each, in their order.

        Raises:
            Exception: what the database or the network raised; none of the batches is recorded, or (if the
                acknowledgement of the commit was lost) all are.
        """
        metrics.BATCHES_PER_TRANSACTION.observe(len(group))
        ordered = sorted(group, key=lambda batch: batch.key)  # so that two groups cannot wait for each other
        if not self._is_doubted(group):
            try:
                return self._in_order_of(group, await self._record_straight(ordered))
            except (asyncpg.UniqueViolationError, *_COLLISIONS):
                pass
        for _ in range(ATTEMPTS):
            try:
                return self._in_order_of(group, await self._record_carefully(ordered))
            except _COLLISIONS:
                continue
        raise UnavailableError("Too many senders send the same readings at once. Ask again shortly.")

    def _in_order_of(self, group: Sequence[Batch], outcomes: Mapping[Key, BatchAnswer]) -> list[BatchAnswer]:
        return [outcomes[batch.key] for batch in group]

    async def _record_straight(self, group: Sequence[Batch]) -> Mapping[Key, BatchAnswer]:
        answers = {batch.key: batch.answer() for batch in group}
        encoded = {key: answer.encode() for key, answer in answers.items()}
        entries = _entries(group, encoded)
        events = [_event(batch, batch.event()) for batch in group if len(batch)]
        if sum(map(len, group)) < COPY_FROM:
            async with self._connections.connection() as connection:
                rows = chain.from_iterable(batch.rows() for batch in group)
                await ReadingRepository(connection).record_group(entries, events, rows)
        else:
            async with self._connections.transaction(lock_seconds=LOCK_SECONDS) as connection:
                readings = ReadingRepository(connection)
                await readings.add_batches(entries, events)
                await readings.copy_readings(batch.encoded_rows() for batch in group)
        self._database.ring()
        for batch in group:
            _count_batch(batch)
            _count_readings(answers[batch.key])
        return encoded

    async def _record_carefully(self, group: Sequence[Batch]) -> Mapping[Key, BatchAnswer]:
        async with self._connections.transaction() as connection:
            readings = ReadingRepository(connection)
            claimed = await readings.claim_batches(_entries(group, defaultdict(bytes)))
            new = [batch for batch in group if batch.key in claimed]
            known = await _find_known(readings, [batch for batch in group if batch.key not in claimed])
            work = [*new, *known.again]
            findings = await _add_new_readings(readings, work)
            answers = {batch.key: batch.answer(findings[batch.key]) for batch in work}
            encoded = {key: known.amend(key, answer).encode() for key, answer in answers.items()}
            if encoded:
                await readings.answer_batches([(*key, answer) for key, answer in encoded.items()])
            accepted = {key: finding.accepted for key, finding in findings.items()}
            await readings.add_events([_event(b, b.event(accepted[b.key])) for b in work if accepted[b.key]])
        self._database.ring()
        for batch in new:
            _count_batch(batch)
            if len(accepted[batch.key]) < len(batch):
                self._doubt(batch.factory_id)
        for answer in answers.values():
            _count_readings(answer)
        return {**known.outcomes, **encoded}

    def _is_doubted(self, group: Sequence[Batch]) -> bool:
        if not self._doubted:
            return False
        now = asyncio.get_running_loop().time()
        return any(self._doubted.get(batch.factory_id, 0.0) > now for batch in group)

    def _doubt(self, factory_id: UUID) -> None:
        if len(self._doubted) >= MOST_DOUBTED:
            self._doubted.clear()
        self._doubted[factory_id] = asyncio.get_running_loop().time() + DOUBT_SECONDS


def _entries(group: Sequence[Batch], answers: Mapping[Key, bytes]) -> list[BatchEntry]:
    return [(*batch.key, batch.digest, answers[batch.key], batch.accepted_at) for batch in group]


def _event(batch: Batch, payload: bytes) -> EventEntry:
    return (batch.factory_id, ReadingsAccepted.type, batch.accepted_at, payload, batch.trace)


async def _add_new_readings(readings: ReadingRepository, group: Sequence[Batch]) -> dict[Key, Finding]:
    """Add what is new, and return what became of each batch's readings."""
    rows = {batch.key: list(batch.rows()) for batch in group}
    every = list(chain.from_iterable(rows.values()))
    new = await readings.add_new_readings(every) if every else set()
    accepted: dict[Key, list[int]] = {}
    known: list[tuple[Key, int]] = []
    for batch in group:
        accepted[batch.key], others = batch.split(new)
        known += ((batch.key, position) for position in others)
    differing: dict[Key, dict[int, KeptValue]] = {batch.key: {} for batch in group}
    if known:  # asked after the insert, which has waited for transactions that were adding the same
        sent = [rows[key][position] for key, position in known]
        for place, kept in (await readings.find_differing(sent)).items():
            key, position = known[place]
            differing[key][position] = kept
    return {key: Finding(accepted[key], differing[key]) for key in rows}


@dataclass(slots=True)
class _Known:
    """The batches of a group that were recorded before."""

    outcomes: dict[Key, BatchAnswer] = field(default_factory=dict)
    """Of those that change nothing: the answer of then, or a conflict if the body differs."""

    again: list[Batch] = field(default_factory=list)
    """Of the others, the readings whose refusal may have passed."""

    answers: dict[Key, Answer] = field(default_factory=dict)
    """What was answered to these others."""

    def amend(self, key: Key, answer: Answer) -> Answer:
        """Return the answer to a whole batch, given that to the part of it which was handled now."""
        before = self.answers.get(key)
        return answer if before is None else before.amended(answer)


async def _find_known(readings: ReadingRepository, group: Sequence[Batch]) -> _Known:
    """Find what was recorded before; the rows stay locked, so that one repeat at a time changes them."""
    known = _Known()
    stored = await readings.lock_batches([batch.key for batch in group]) if group else {}
    for batch in group:
        digest, recorded = stored[batch.key]
        if digest != batch.digest:
            metrics.CONFLICT.inc()
            known.outcomes[batch.key] = ConflictError(
                f"The batch id {batch.batch_id} was used before with another body, byte for byte."
            )
            continue
        metrics.REPEATED.inc()
        answer = Answer.decode(recorded)
        if answer.passing():
            known.again.append(batch.only(answer.passing()))
            known.answers[batch.key] = answer
        else:
            known.outcomes[batch.key] = answer.encode()
    return known


def _count_batch(batch: Batch) -> None:
    metrics.NEW.inc()
    for rejection in batch.rejected:
        metrics.READINGS_REJECTED.labels(reason=rejection.code).inc()


def _count_readings(answer: Answer) -> None:
    metrics.READINGS_ACCEPTED.inc(answer.accepted)
    if answer.accepted:
        metrics.LAST_READING.set_to_current_time()
    metrics.READINGS_DUPLICATE.inc(answer.duplicates)
    metrics.READINGS_CONFLICTING.inc(answer.conflicts.count)
