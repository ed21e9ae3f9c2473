"""Evaluates every batch of readings Factory Core accepted, before the transaction that moves the position."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from contracts.factory_core import ReadingsAccepted, SeriesReadings
from contracts.incident_event import FactoryImpaired, FactoryRestored
from incident_event.incidents.conditions import Activation, ConditionService
from incident_event.rules import loading, metrics
from incident_event.rules.evaluation import Budget, Input, Outcome, Readings, SeriesInput, Tick, step
from incident_event.rules.findings import BatchFindings
from incident_event.rules.lifecycle import Episode
from incident_event.rules.repository import EvaluationChanges, EvaluationRepository
from incident_event.rules.times import MICROSECONDS, all_to_microseconds, from_microseconds, to_microseconds
from incident_event.rules.turns import Turns
from incident_event.rules.watch import FactoryWatch, Watched
from utils.clock import Now
from utils.database import Database, Transaction
from utils.ids import normalize_name
from utils.outbox import Outbox
from utils.streams import StaleError, StreamEvent, UnusableEventError
from utils.tracing import each

_decoder = msgspec.json.Decoder(ReadingsAccepted)


class ReadingsConsumer:
    """Handles Factory Core's events; remembers from one transaction to the next only what is committed.

    The rules are known to be unchanged inside each transaction: a rule that was committed before a reading
    was accepted is always there when that reading is evaluated.
    """

    def __init__(self, database: Database, now: Now) -> None:
        self._database = database
        self._now = now
        self._turns = Turns()
        self._watches: dict[UUID, FactoryWatch] = {}
        self._outdated: dict[UUID, FactoryWatch] = {}
        # apart, so that it is known also while a watch that could not be committed is forgotten
        self._due: dict[UUID, int | None] = {}

    async def prepare(self, factory_id: UUID, events: Sequence[StreamEvent], *, position: int) -> "Evaluated":
        """Evaluate consecutive events of one factory, or let time pass for it.

        Raises:
            UnusableEventError: the first event cannot be read.
        """
        known = self._watches.pop(factory_id, None)  # comes back when its effects are committed
        watch = known if known is not None and known.position == position else None
        if watch is None:
            watch = await self._load(factory_id, position)
        if watch.version is None:
            return Evaluated(self, factory_id, watch, events, Outcome(), self._now())
        inputs = _inputs(events) if events else [Tick(to_microseconds(self._now()))]
        budget = Budget()
        outcome = await self._turns.drive(step(watch, inputs, budget), budget)
        return Evaluated(self, factory_id, watch, events[: outcome.used], outcome, self._now())

    def due(self, factory_id: UUID) -> datetime | None:
        """Return when the next reading that is held can be evaluated."""
        due = self._due.get(factory_id)
        return None if due is None else from_microseconds(due)

    async def waiting(self, transaction: Transaction) -> Collection[UUID]:
        """Return the factories with readings that are held."""
        return await EvaluationRepository(transaction).holding()

    async def impaired(self, transaction: Transaction, event: StreamEvent, reason: str) -> None:
        """Tell the factory's stream that an event of Factory Core's is not evaluated."""
        now = self._now()
        told = FactoryImpaired("factory-core", event.seq, event.type, reason, now)
        Outbox(transaction).publish(event.factory_id, told, at=now)

    async def restored(self, transaction: Transaction, factory_id: UUID) -> None:
        """Tell the factory's stream that all events have been evaluated."""
        now = self._now()
        Outbox(transaction).publish(factory_id, FactoryRestored("factory-core", now), at=now)

    def forget(self, factory_id: UUID) -> None:
        """Forget a factory whose events another process may handle from now on."""
        self._watches.pop(factory_id, None)
        self._outdated.pop(factory_id, None)
        self._due.pop(factory_id, None)
        self._count()

    def remember(self, factory_id: UUID, watch: FactoryWatch, raised: Collection[int]) -> None:
        """Keep what is committed for the next events; `raised` are the times since when it could be known."""
        now = to_microseconds(self._now())
        for since in raised:
            metrics.DETECTION_LATENCY.observe(max(now - since, 0) / MICROSECONDS)
        watch.touched.clear()
        self._watches[factory_id] = watch
        self._due[factory_id] = watch.due
        self._count()

    def keep_untouched(self, factory_id: UUID, watch: FactoryWatch) -> None:
        """Keep what a step that was not committed has left as it was, for the next load."""
        watch.series = {key: series for key, series in watch.series.items() if key not in watch.touched}
        self._outdated[factory_id] = watch

    async def _load(self, factory_id: UUID, position: int) -> FactoryWatch:
        outdated = self._outdated.pop(factory_id, None)
        kept = outdated.series if outdated is not None and outdated.position == position else {}
        async with self._database.transaction() as transaction:
            stored = await loading.read(EvaluationRepository(transaction), factory_id, kept)
        watch = await self._turns.drive(loading.restore(factory_id, stored, kept, position), Budget())
        if outdated is not None and kept:
            watch.clock = max(watch.clock, outdated.clock)
        return watch

    def _count(self) -> None:
        series = [series for watch in self._watches.values() for series in watch.series.values()]
        metrics.RULES_WATCHED.set(sum(len(one.rules) for one in series))
        metrics.READINGS_HELD.set(sum(len(one.held) for one in series))


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What the rules of a factory have found in some events, at `now`."""

    consumer: ReadingsConsumer
    factory_id: UUID
    watch: FactoryWatch
    events: Sequence[StreamEvent]
    outcome: Outcome
    now: datetime

    @property
    def upto(self) -> int:
        """The seq of the last event that is handled once this is committed."""
        return max([self.watch.position, *(event.seq for event in self.events)])

    async def commit(self, transaction: Transaction) -> None:
        """Let incidents follow, and save where the rules stand.

        Raises:
            StaleError: the rules have changed since.
        """
        repository = EvaluationRepository(transaction)
        if await repository.version(self.factory_id) != self.watch.version:
            self.consumer.keep_untouched(self.factory_id, self.watch)
            raise StaleError
        conditions = ConditionService.within(transaction, self.now)
        for effect in self.outcome.effects:
            if not self.events:
                await _act(conditions, effect.rule, effect.findings)
                continue
            with each(self.events[effect.place]):
                await _act(conditions, effect.rule, effect.findings)
        await self._save(repository)
        transaction.on_commit(self._committed)

    async def _save(self, repository: EvaluationRepository) -> None:
        changes, watch = EvaluationChanges(), self.watch
        upto = self.upto
        first = self.events[0].seq if self.events else upto + 1
        last = self.events[-1].seq if self.events else upto
        for key in watch.touched:
            watch.series[key].collect(changes, first=first, last=last, clock=watch.clock)
        await repository.save(self.factory_id, changes)
        if changes.released or any(series.held_rows for series in watch.series.values()):
            await repository.set_clock(self.factory_id, watch.clock)
        if not self.events and self.outcome.used:
            await repository.note_tick(self.factory_id, watch.clock, upto)

    def _committed(self) -> None:
        outcome, watch = self.outcome, self.watch
        watch.position = self.upto
        metrics.READINGS_EVALUATED.inc(outcome.evaluated)
        metrics.READINGS_LATE.inc(outcome.late)
        metrics.READINGS_BAD.inc(outcome.bad)
        raised = {effect.since for effect in outcome.effects if effect.findings.raised}
        self.consumer.remember(self.factory_id, watch, raised)


def _inputs(events: Sequence[StreamEvent]) -> Iterator[Input]:
    """Yield what each event brings, up to one that cannot be read.

    Raises:
        UnusableEventError: the first one cannot be read.
    """
    for place, event in enumerate(events):
        try:
            yield _to_input(event)
        except (msgspec.DecodeError, TypeError, ValueError, OverflowError) as error:
            if place == 0:
                raise UnusableEventError(f"Its payload cannot be read: {error}") from error
            return


def _to_input(event: StreamEvent) -> Readings:
    if event.type != ReadingsAccepted.type:
        return Readings(event.seq, 0, ())
    batch = _decoder.decode(event.payload)
    series = [_of_good_quality(sent) for sent in batch.series]
    return Readings(event.seq, to_microseconds(batch.accepted_at), series)


def _of_good_quality(series: SeriesReadings) -> SeriesInput:
    key = (series.source, normalize_name(series.metric))
    if len(series.at) != len(series.value):
        raise ValueError("the columns of a series differ in length")
    if series.quality is None:
        return SeriesInput(key, all_to_microseconds(series.at), series.value)
    usable = [
        (at, value)
        for at, value, quality in zip(series.at, series.value, series.quality, strict=True)
        if quality != "bad"
    ]
    times = all_to_microseconds(at for at, _ in usable)
    return SeriesInput(key, times, [value for _, value in usable], len(series.at) - len(usable))


async def _act(conditions: ConditionService, watched: Watched, findings: BatchFindings) -> None:
    """Tell the incidents what a batch has shown."""
    condition = watched.condition
    if findings.ended_at is not None and watched.incident_id is not None:
        await conditions.clear(condition, watched.incident_id, from_microseconds(findings.ended_at))
    for moved in findings.moved:
        await conditions.correct(
            condition,
            previously=from_microseconds(moved.previously),
            occurred_at=from_microseconds(moved.activated_at),
            value=moved.value,
        )
    for activation in _activations(findings):
        incident_id = await conditions.activate(condition, activation)
        if activation.cleared_at is None:
            watched.incident_id = incident_id


def _activations(findings: BatchFindings) -> list[Activation]:
    told = [_activation(episode) for episode in findings.raised]
    if findings.times > 1:
        told[-1] = _activation(findings.raised[-1], times=findings.times)
    return told


def _activation(episode: Episode, times: int = 1) -> Activation:
    cleared_at = None if episode.cleared_at is None else from_microseconds(episode.cleared_at)
    return Activation(from_microseconds(episode.activated_at), cleared_at, episode.value, times)
