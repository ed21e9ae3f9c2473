"""Evaluates every batch of readings Factory Core accepted, in the transaction that moves the position."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from uuid import UUID

import msgspec

from contracts.factory_core import ReadingsAccepted, SeriesReadings
from incident_event.incidents.conditions import Activation, ConditionService
from incident_event.rules import metrics
from incident_event.rules.findings import BatchFindings
from incident_event.rules.lifecycle import Episode
from incident_event.rules.repository import EvaluationChanges, EvaluationRepository
from incident_event.rules.times import all_to_microseconds, from_microseconds, to_microseconds
from incident_event.rules.watch import FactoryWatch, SeriesKey, Watched, WatchedSeries
from utils.clock import Now
from utils.database import Transaction
from utils.logging import logger
from utils.names import normalize_name
from utils.streams import StreamEvent
from utils.tracing import each

TURN_SECONDS = 0.01
"""How long the evaluation of one factory holds the event loop at a time."""

_decoder = msgspec.json.Decoder(ReadingsAccepted)


@dataclass(slots=True)
class _Tally:
    """What one transaction evaluated, for the metrics once it is committed."""

    evaluated: int = 0
    late: int = 0
    bad: int = 0

    def add(self, findings: BatchFindings, bad: int) -> None:
        """Count what one rule did with one batch."""
        self.evaluated += findings.evaluated
        self.late += findings.late
        self.bad += bad


class Turn:
    """Gives other tasks their turn before the event loop has been held for long."""

    def __init__(self) -> None:
        self._ends = time.perf_counter() + TURN_SECONDS

    async def pass_on(self) -> None:
        """Let others run if this turn has lasted its time."""
        if time.perf_counter() >= self._ends:
            await asyncio.sleep(0)
            self._ends = time.perf_counter() + TURN_SECONDS


@dataclass(slots=True)
class _Work:
    """What the evaluation of several events in one transaction shares."""

    transaction: Transaction
    conditions: ConditionService
    tally: _Tally = field(default_factory=_Tally)
    turn: Turn = field(default_factory=Turn)


class ReadingsConsumer:
    """Handles Factory Core's events; remembers from one transaction to the next only what is committed.

    The rules are read, or known to be unchanged, inside each transaction: a rule that was committed before a
    reading was accepted is always there when that reading is evaluated.
    """

    def __init__(self, now: Now) -> None:
        self._now = now
        self._watches: dict[UUID, FactoryWatch] = {}

    async def handle(self, transaction: Transaction, events: list[StreamEvent]) -> None:
        """Evaluate consecutive events of one factory; everything commits with the consumer's position."""
        factory_id = events[0].factory_id
        watch = await self._watch(transaction, factory_id, events[0].seq)
        if watch is None:
            return
        work = _Work(transaction, ConditionService.within(transaction, self._now()))
        for event in events:
            with each(event):
                batch = _read(event)
                if batch is not None:
                    await self._evaluate(watch, batch, event.seq, work)
        await self._save(transaction, watch, factory_id, events[-1].seq)
        self._remember(transaction, watch, factory_id, work.tally)

    def forget(self, factory_id: UUID) -> None:
        """Forget a factory whose events another process may handle from now on."""
        self._watches.pop(factory_id, None)
        self._count_rules()

    async def _watch(self, transaction: Transaction, factory_id: UUID, first_seq: int) -> FactoryWatch | None:
        """Give the factory's rules as committed now; None where there are none."""
        known = self._watches.pop(factory_id, None)  # comes back when this transaction has committed
        repository = EvaluationRepository(transaction)
        version = await repository.version(factory_id)
        if version is None:
            return None
        is_current = known is not None and known.next_seq == first_seq
        if known is not None and is_current and known.version == version:
            return known
        kept = known.series if known is not None and is_current else {}
        series = await _load(repository, factory_id, kept, first_seq)
        return FactoryWatch(version, first_seq, series)

    async def _evaluate(self, watch: FactoryWatch, batch: ReadingsAccepted, seq: int, work: "_Work") -> None:
        """Evaluate one batch; first all rules on a series, then what follows from them."""
        accepted_at = to_microseconds(batch.accepted_at)
        is_raised = False
        for sent in batch.series:
            series = watch.series.get((sent.source, normalize_name(sent.metric)))
            usable = None if series is None else _usable(sent)
            if series is None or usable is None:
                continue
            times, values, bad = usable
            effects: list[tuple[Watched, BatchFindings]] = []
            for watched, findings in series.accept(times, values, seq, bad=bad, accepted_at=accepted_at):
                work.tally.add(findings, bad)
                if findings.has_effects:
                    effects.append((watched, findings))
                await work.turn.pass_on()
            for watched, findings in effects:
                await _act(work.conditions, watched, findings)
                is_raised = is_raised or bool(findings.raised)
        if is_raised:
            accepted = batch.accepted_at
            work.transaction.on_commit(
                lambda: metrics.DETECTION_LATENCY.observe((self._now() - accepted).total_seconds())
            )

    async def _save(
        self, transaction: Transaction, watch: FactoryWatch, factory_id: UUID, last_seq: int
    ) -> None:
        changes = EvaluationChanges()
        for series in watch.series.values():
            series.collect(changes, last_seq)
        await EvaluationRepository(transaction).save(factory_id, changes)
        watch.next_seq = last_seq + 1

    def _remember(
        self, transaction: Transaction, watch: FactoryWatch, factory_id: UUID, tally: _Tally
    ) -> None:
        def committed() -> None:
            self._watches[factory_id] = watch
            metrics.READINGS_EVALUATED.inc(tally.evaluated)
            metrics.READINGS_LATE.inc(tally.late)
            metrics.READINGS_BAD.inc(tally.bad)
            self._count_rules()

        transaction.on_commit(committed)

    def _count_rules(self) -> None:
        rules = (len(series.rules) for watch in self._watches.values() for series in watch.series.values())
        metrics.RULES_WATCHED.set(sum(rules))


def _read(event: StreamEvent) -> ReadingsAccepted | None:
    """Read an event's batch; None for other events. What cannot be read must not stop what comes after it."""
    if event.type != ReadingsAccepted.type:
        return None
    try:
        return _decoder.decode(event.payload)
    except msgspec.DecodeError as error:
        metrics.EVENTS_UNREADABLE.inc()
        logger.error(
            "A batch of readings cannot be read and is skipped",
            extra={"factory_id": str(event.factory_id), "seq": event.seq, "error": str(error)},
        )
        return None


async def _load(
    repository: EvaluationRepository,
    factory_id: UUID,
    kept: Mapping[SeriesKey, WatchedSeries],
    first_seq: int,
) -> dict[SeriesKey, WatchedSeries]:
    """Read the rules, and the readings of those series that are not known yet."""
    known = {watched.condition.rule_id: watched for series in kept.values() for watched in series.rules}
    loaded: dict[SeriesKey, WatchedSeries] = {}
    fresh: list[tuple[SeriesKey, Watched]] = []
    for rule, state in await repository.rules(factory_id):
        key = (rule.equipment, normalize_name(rule.metric))  # an older rule may have another form
        watched = known.get(rule.id)
        if watched is None or watched.condition.rule_version != rule.version:
            watched = Watched.of(rule, state, first_seq=first_seq)
            fresh.append((key, watched))
        if key not in loaded:
            before = kept.get(key)
            loaded[key] = WatchedSeries(*key) if before is None else replace(before, rules=[])
        loaded[key].rules.append(watched)
    unknown = [key for key in loaded if key not in kept]
    stored = await repository.readings(factory_id, unknown) if unknown else []
    for key, rows in groupby(stored, key=lambda row: row[0]):
        loaded[key].restore((seq, readings) for _, seq, readings in rows)
    for key, watched in fresh:
        watched.window.restore(watched.threshold, loaded[key].series)
    return loaded


def _usable(series: SeriesReadings) -> tuple[list[int], Sequence[float], int] | None:
    """Give the times and values that may be evaluated, and how many may not; None for nonsense."""
    try:
        return _of_good_quality(series)
    except (
        TypeError,
        ValueError,
        OverflowError,
    ) as error:  # columns of different lengths, times without a zone
        metrics.EVENTS_UNREADABLE.inc()
        about = {"source": series.source, "metric": series.metric, "error": str(error)}
        logger.error("The readings of a series cannot be read and are skipped", extra=about)
        return None


def _of_good_quality(series: SeriesReadings) -> tuple[list[int], Sequence[float], int]:
    if len(series.at) != len(series.value):
        raise ValueError("its columns differ in length")
    if series.quality is None:
        return all_to_microseconds(series.at), series.value, 0
    usable = [
        (at, value)
        for at, value, quality in zip(series.at, series.value, series.quality, strict=True)
        if quality != "bad"
    ]
    bad = len(series.at) - len(usable)
    return all_to_microseconds(at for at, _ in usable), [value for _, value in usable], bad


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
