"""The rules of a factory as the worker holds them in memory between two transactions."""

import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from incident_event.incidents.conditions import WatchedCondition
from incident_event.rules.findings import BatchFindings
from incident_event.rules.lifecycle import Threshold, Times, Values, to_state
from incident_event.rules.models import MICROSECONDS, Rule, RuleState
from incident_event.rules.repository import EvaluationChanges, StateRow
from incident_event.rules.series import Change, SeriesWindow
from incident_event.rules.window import Bound, Window

PAIR_BYTES = 16


@dataclass(slots=True)
class Watched:
    """One rule, and where its evaluation stands."""

    condition: WatchedCondition
    threshold: Threshold
    bound: Bound
    window: Window
    evaluated: int = 0
    late: int = 0
    bad: int = 0
    incident_id: UUID | None = None
    is_changed: bool = False

    @classmethod
    def of(cls, rule: Rule, state: RuleState, *, first_seq: int) -> "Watched":
        """Return a rule as the database has it; `first_seq` is that of the event which comes next."""
        window = Window(
            first_seq=first_seq if state.first_seq is None else state.first_seq,
            checkpoint=to_state(state.checkpoint_since_us, state.checkpoint_activated_us),
            current=to_state(state.since_us, state.activated_us),
            floor=state.floor_us,
            newest=state.newest_us,
        )
        return cls(
            condition=_to_condition(rule, state.subject),
            threshold=rule.to_threshold(),
            bound=Bound(round(rule.lateness_seconds * MICROSECONDS)),
            window=window,
            evaluated=state.evaluated_readings,
            late=state.late_readings,
            bad=state.bad_readings,
            incident_id=state.incident_id,
        )

    def accept(self, change: Change, *, bad: int) -> BatchFindings:
        """Evaluate the readings of one batch; `bad` of them were left out for their quality."""
        findings = self.window.accept(self.threshold, change)
        self.evaluated += findings.evaluated
        self.late += findings.late
        self.bad += bad
        self.is_changed = True
        return findings

    def row(self) -> StateRow:
        """Return what the database keeps of it."""
        window = self.window
        return (
            self.condition.rule_id,
            self.condition.subject,
            self.evaluated,
            self.late,
            self.bad,
            window.newest,
            window.current.since,
            window.current.activated_at,
            window.floor,
            window.checkpoint.since,
            window.checkpoint.activated_at,
            self.incident_id,
            window.first_seq,
        )


@dataclass(slots=True)
class WatchedSeries:
    """A series and the rules that watch it; `chunks` are its stored readings: (seq, newest time)."""

    equipment: str
    metric: str
    rules: list[Watched] = field(default_factory=list)
    series: SeriesWindow = field(default_factory=SeriesWindow)
    chunks: deque[tuple[int, int]] = field(default_factory=deque)
    fresh: list[tuple[int, float]] = field(default_factory=list)

    def restore(self, stored: Iterable[tuple[int, bytes]]) -> None:
        """Fill the series from stored readings: (seq, readings), in the order in which they came."""
        for seq, readings in stored:
            times, values = unpack(readings)
            self.chunks.append((seq, max(times)))
            self.series.apply(self.series.plan(times, values, seq, floor=None))

    def accept(
        self, times: Times, values: Values, seq: int, *, bad: int, accepted_at: int
    ) -> Iterator[tuple[Watched, BatchFindings]]:
        """Evaluate one batch by every rule in turn; the caller may do something else in between.

        Nothing here is consistent before the last rule has been yielded.
        """
        change = self.series.plan(times, values, seq, floor=self._floor())
        found: list[tuple[Watched, BatchFindings]] = []
        for watched in self.rules:
            findings = watched.accept(change, bad=bad)
            found.append((watched, findings))
            yield watched, findings
        self.series.apply(change)
        for watched, findings in found:
            if findings.evaluated:
                watched.window.advance(watched.threshold, watched.bound, self.series, accepted_at=accepted_at)
        self.fresh += zip(change.times, change.values, strict=True)
        floor = self._floor()
        gone = 0 if floor is None else self.series.forget(floor)
        if gone:
            for watched in self.rules:
                watched.window.forget(gone)

    def collect(self, changes: EvaluationChanges, seq: int) -> None:
        """Put what has changed since the last time into `changes`, the readings under the event's `seq`."""
        for watched in self.rules:
            if watched.is_changed:
                changes.states.append(watched.row())
                watched.is_changed = False
        floor = self._floor()
        kept = [(at, value) for at, value in self.fresh if floor is None or at >= floor]
        self.fresh = []
        key = (self.equipment, self.metric)
        if kept:
            self.chunks.append((seq, max(at for at, _ in kept)))
            packed = pack([at for at, _ in kept], [value for _, value in kept])
            changes.appended.append((*key, seq, packed))
        while self.chunks and floor is not None and self.chunks[0][1] < floor:
            changes.forgotten.append((*key, self.chunks.popleft()[0]))

    def _floor(self) -> int | None:
        """Return the time before which no rule needs a reading; None while one still needs all."""
        floors = [watched.window.floor for watched in self.rules]
        known = [floor for floor in floors if floor is not None]
        return min(known) if len(known) == len(floors) else None


SeriesKey: TypeAlias = tuple[str, str]
"""Equipment and metric."""


@dataclass(slots=True)
class FactoryWatch:
    """All rules of one factory, as they are after the event before `next_seq`."""

    version: int
    next_seq: int
    series: dict[SeriesKey, WatchedSeries]

    @property
    def rules(self) -> dict[UUID, Watched]:
        """The rules by their ids."""
        return {rule.condition.rule_id: rule for series in self.series.values() for rule in series.rules}


def pack(times: Sequence[int], values: Sequence[float]) -> bytes:
    """Return readings as `series_readings.readings` keeps them."""
    return struct.pack(f"<{len(times)}q{len(values)}d", *times, *values)


def unpack(readings: bytes) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Read what `pack` wrote."""
    count = len(readings) // PAIR_BYTES
    numbers = struct.unpack(f"<{count}q{count}d", readings)
    return numbers[:count], numbers[count:]


def _to_condition(rule: Rule, subject: str) -> WatchedCondition:
    lasting = f" for {rule.on_delay_seconds:g} s" if rule.on_delay_seconds else ""
    return WatchedCondition(
        factory_id=rule.factory_id,
        rule_id=rule.id,
        rule_version=rule.version,
        subject=subject,
        equipment=rule.equipment,
        metric=rule.metric,
        incident_type=rule.incident_type,
        severity=rule.severity,
        title=rule.name,
        description=f"{rule.metric} of {rule.equipment} {rule.operator} {rule.threshold:g}{lasting}",
    )
