"""The rules of a factory as the worker holds them in memory between two transactions."""

import struct
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from incident_event.incidents.conditions import WatchedCondition
from incident_event.rules.lifecycle import ConditionState, Threshold, Times, Values
from incident_event.rules.models import MICROSECONDS, Rule, RuleState
from incident_event.rules.repository import EvaluationChanges
from incident_event.rules.window import BatchFindings, Bound, Window

PAIR_BYTES = 16


@dataclass(slots=True)
class Watched:
    """One rule, and where its evaluation stands; `chunks` are its stored readings: (seq, newest time)."""

    condition: WatchedCondition
    threshold: Threshold
    bound: Bound
    window: Window
    evaluated: int = 0
    late: int = 0
    bad: int = 0
    incident_id: UUID | None = None
    chunks: deque[tuple[int, int]] = field(default_factory=deque)
    fresh_times: list[int] = field(default_factory=list)
    fresh_values: list[float] = field(default_factory=list)
    is_changed: bool = False

    @classmethod
    def of(cls, rule: Rule, state: RuleState) -> "Watched":
        """Take a rule and its state over from the database, without its readings yet."""
        window = Window(
            checkpoint=ConditionState(state.checkpoint_since_us, state.checkpoint_activated_us),
            current=ConditionState(state.since_us, state.activated_us),
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

    def restore(self, stored: Iterable[tuple[int, bytes]]) -> None:
        """Take the stored readings over: (seq, readings) in the order they came."""
        pairs: dict[int, float] = {}
        for seq, readings in stored:
            times, values = unpack(readings)
            self.chunks.append((seq, max(times)))
            for at, value in zip(times, values, strict=True):
                if self.window.floor is None or at >= self.window.floor:
                    pairs.setdefault(at, value)
        self.window.times = array("q", sorted(pairs))
        self.window.values = array("d", [pairs[at] for at in self.window.times])

    def accept(self, times: Times, values: Values, *, bad: int, accepted_at: int) -> BatchFindings:
        """Evaluate the readings of one batch; `bad` of them were left out for their quality."""
        outcome = self.window.accept(self.threshold, self.bound, times, values, accepted_at=accepted_at)
        self.evaluated += len(outcome.times)
        self.late += outcome.late
        self.bad += bad
        self.fresh_times += outcome.times
        self.fresh_values += outcome.values
        self.is_changed = True
        return outcome

    def collect(self, changes: EvaluationChanges, seq: int) -> None:
        """Put what has changed since the last time into `changes`, the readings under the event's `seq`."""
        if not self.is_changed:
            return
        key = (self.condition.rule_id, self.condition.subject)
        floor = self.window.floor
        kept = [
            (at, value)
            for at, value in zip(self.fresh_times, self.fresh_values, strict=True)
            if floor is None or at >= floor
        ]
        if kept:
            self.chunks.append((seq, max(at for at, _ in kept)))
            changes.appended.append((*key, seq, pack([at for at, _ in kept], [value for _, value in kept])))
        while self.chunks and floor is not None and self.chunks[0][1] < floor:
            changes.forgotten.append((*key, self.chunks.popleft()[0]))
        window = self.window
        changes.states.append(
            (
                *key,
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
            )
        )
        self.fresh_times, self.fresh_values, self.is_changed = [], [], False


@dataclass(slots=True)
class FactoryWatch:
    """All rules of one factory, as they are after the event before `next_seq`."""

    version: int
    next_seq: int
    rules: dict[UUID, Watched]
    series: dict[tuple[str, str], list[Watched]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for watched in self.rules.values():
            key = (watched.condition.equipment, watched.condition.metric)
            self.series.setdefault(key, []).append(watched)


def pack(times: Sequence[int], values: Sequence[float]) -> bytes:
    """Write readings as `rule_readings.readings` keeps them."""
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
