"""Evaluates every batch of readings Factory Core accepted, in the transaction that moves the position."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

import msgspec

from contracts.factory_core import ReadingsAccepted, SeriesReadings
from incident_event.incidents.conditions import Activation, ConditionService
from incident_event.rules import metrics
from incident_event.rules.lifecycle import Episode
from incident_event.rules.repository import EvaluationChanges, EvaluationRepository
from incident_event.rules.times import all_to_microseconds, from_microseconds, to_microseconds
from incident_event.rules.watch import FactoryWatch, Watched
from incident_event.rules.window import BatchFindings
from utils.clock import Now
from utils.database import Transaction
from utils.logging import logger
from utils.streams import StreamEvent
from utils.tracing import each

MAX_TOLD_EPISODES = 100
"""Of one rule and batch; a value that flutters more often than this is counted, and told of once more."""

_decoder = msgspec.json.Decoder(ReadingsAccepted)


@dataclass(slots=True)
class _Tally:
    """What one transaction evaluated, for the metrics once it is committed."""

    evaluated: int = 0
    late: int = 0
    bad: int = 0


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
        tally = _Tally()
        conditions = ConditionService.within(transaction, self._now())
        for event in events:
            with each(event):
                batch = _read(event)
                if batch is not None:
                    await self._evaluate(transaction, watch, batch, conditions, tally)
        await self._save(transaction, watch, factory_id, events[-1].seq)
        self._remember(transaction, watch, factory_id, tally)

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
        kept = known.rules if known is not None and is_current else {}
        rules = await _load(repository, factory_id, kept)
        return FactoryWatch(version, first_seq, rules)

    async def _evaluate(
        self,
        transaction: Transaction,
        watch: FactoryWatch,
        batch: ReadingsAccepted,
        conditions: ConditionService,
        tally: _Tally,
    ) -> None:
        accepted_at = to_microseconds(batch.accepted_at)
        is_raised = False
        for series in batch.series:
            rules = watch.series.get((series.source, series.metric))
            if not rules:
                continue
            usable = _usable(series)
            if usable is None:
                continue
            times, values, bad = usable
            for watched in rules:
                outcome = watched.accept(times, values, bad=bad, accepted_at=accepted_at)
                tally.evaluated += len(outcome.times)
                tally.late += outcome.late
                tally.bad += bad
                if outcome.has_effects:
                    await _act(conditions, watched, outcome)
                    is_raised = is_raised or bool(outcome.raised)
        if is_raised:
            accepted = batch.accepted_at
            transaction.on_commit(
                lambda: metrics.DETECTION_LATENCY.observe((self._now() - accepted).total_seconds())
            )

    async def _save(
        self, transaction: Transaction, watch: FactoryWatch, factory_id: UUID, last_seq: int
    ) -> None:
        changes = EvaluationChanges()
        for watched in watch.rules.values():
            watched.collect(changes, last_seq)
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
        metrics.RULES_WATCHED.set(sum(len(one.rules) for one in self._watches.values()))


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
    repository: EvaluationRepository, factory_id: UUID, kept: dict[UUID, Watched]
) -> dict[UUID, Watched]:
    """Read the rules and, of those not known in their present version, what their evaluation remembers."""
    rules: dict[UUID, Watched] = {}
    fresh: list[UUID] = []
    for rule, state in await repository.rules(factory_id):
        known = kept.get(rule.id)
        if known is None or known.condition.rule_version != rule.version:
            known = Watched.of(rule, state)
            fresh.append(rule.id)
        rules[rule.id] = known
    stored = await repository.readings(factory_id, fresh)
    for rule_id, rows in groupby(stored, key=lambda row: row[0]):
        rules[rule_id].restore([(seq, readings) for _, seq, readings in rows])
    return rules


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


async def _act(conditions: ConditionService, watched: Watched, outcome: BatchFindings) -> None:
    """Tell the incidents what a batch has shown."""
    condition = watched.condition
    if outcome.ended_at is not None and watched.incident_id is not None:
        await conditions.clear(condition, watched.incident_id, from_microseconds(outcome.ended_at))
    for moved in outcome.moved:
        await conditions.correct(
            condition,
            previously=from_microseconds(moved.previously),
            occurred_at=from_microseconds(moved.activated_at),
        )
    for activation in _activations(outcome.raised):
        incident_id = await conditions.activate(condition, activation)
        if activation.cleared_at is None:
            watched.incident_id = incident_id


def _activations(episodes: Sequence[Episode]) -> list[Activation]:
    told = [_activation(episode) for episode in episodes[: MAX_TOLD_EPISODES - 1]]
    rest = episodes[MAX_TOLD_EPISODES - 1 :]
    return [*told, _activation(rest[-1], times=len(rest))] if rest else told


def _activation(episode: Episode, times: int = 1) -> Activation:
    cleared_at = None if episode.cleared_at is None else from_microseconds(episode.cleared_at)
    return Activation(from_microseconds(episode.activated_at), cleared_at, episode.value, times)
