"""The rules of a factory as the worker holds them in memory between two transactions."""

import struct
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import repeat
from typing import TypeAlias
from uuid import UUID

from incident_event.incidents.conditions import WatchedCondition
from incident_event.rules.findings import BatchFindings
from incident_event.rules.kinds import KINDS
from incident_event.rules.lifecycle import Kind, Times, Values, to_state
from incident_event.rules.repository import EvaluationChanges, StateRow, StoredRule
from incident_event.rules.series import Change, SeriesWindow
from incident_event.rules.times import MICROSECONDS
from incident_event.rules.window import Bound, Window

PAIR_BYTES = 16


@dataclass(slots=True)
class Watched:
    """One rule, and where its evaluation stands."""

    condition: WatchedCondition
    kind: Kind
    bound: Bound
    window: Window
    evaluated: int = 0
    late: int = 0
    bad: int = 0
    incident_id: UUID | None = None
    is_changed: bool = False

    @classmethod
    def of(cls, factory_id: UUID, rule: StoredRule, *, first_seq: int) -> "Watched":
        """Return a rule as the database has it; `first_seq` is that of the event which comes next."""
        window = Window(
            first_seq=first_seq if rule.first_seq is None else rule.first_seq,
            checkpoint=to_state(rule.checkpoint_since_us, rule.checkpoint_activated_us),
            current=to_state(rule.since_us, rule.activated_us),
            floor=rule.floor_us,
            newest=rule.newest_us,
        )
        return cls(
            condition=_to_condition(factory_id, rule),
            kind=KINDS[rule.kind](rule),
            bound=Bound(round(rule.lateness_seconds * MICROSECONDS)),
            window=window,
            evaluated=rule.evaluated_readings,
            late=rule.late_readings,
            bad=rule.bad_readings,
            incident_id=rule.incident_id,
        )

    def accept(self, change: Change, *, bad: int) -> BatchFindings:
        """Evaluate the readings of one batch; `bad` of them were left out for their quality."""
        findings = self.window.accept(self.kind, change)
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
    """A series and the rules that watch it.

    Args:
        chunks: its stored readings: (seq, held until, newest time).
        fresh: readings evaluated since they were last collected: (time, value, seq).
        held: readings ahead of the factory's clock, a heap: (time, seq, value).
        held_rows: the stored rows that hold them: the last time by seq.
        arrived: readings that are held since they were last collected: by seq (times, values).
    """

    equipment: str
    metric: str
    rules: list[Watched] = field(default_factory=list)
    series: SeriesWindow = field(default_factory=SeriesWindow)
    chunks: deque[tuple[int, int, int]] = field(default_factory=deque)
    fresh: list[tuple[int, float, int]] = field(default_factory=list)
    held: list[tuple[int, int, float]] = field(default_factory=list)
    held_rows: dict[int, int] = field(default_factory=dict)
    arrived: dict[int, tuple[list[int], list[float]]] = field(default_factory=dict)

    def restore(self, stored: Iterable[tuple[int, int, bytes]]) -> None:
        """Fill the series from stored readings: (seq, held until, readings), in the order of evaluation."""
        for seq, held_until, readings in stored:
            times, values = unpack(readings)
            self.chunks.append((seq, held_until, max(times)))
            self.series.apply(self.series.plan(times, values, seq, floor=None))

    def restore_held(self, seq: int, readings: bytes, clock: int) -> None:
        """Hold what is stored of one event and still ahead of the factory's clock."""
        times, values = unpack(readings)
        self.held_rows[seq] = max(times)
        self.held += [(at, seq, value) for at, value in zip(times, values, strict=True) if at > clock]
        heapify(self.held)

    def hold(self, times: Sequence[int], values: Sequence[float], seq: int) -> None:
        """Keep readings that are ahead of the factory's clock until their time has come."""
        self.arrived[seq] = (list(times), list(values))
        for watched in self.rules:
            watched.is_changed = True  # from which event on it looks must be known when their time has come
        for at, value in zip(times, values, strict=True):
            heappush(self.held, (at, seq, value))

    def release(self, clock: int) -> list[tuple[int, int, float]]:
        """Return the readings whose time has come, in the order of their times: (time, seq, value)."""
        ready = []
        while self.held and self.held[0][0] <= clock:
            ready.append(heappop(self.held))
        return ready

    def accept(
        self, times: Times, values: Values, seq: int, *, bad: int, clock: int
    ) -> Generator[None, None, list[tuple[Watched, BatchFindings]]]:
        """Evaluate one batch by every rule in turn, and return what each has found.

        Yields where the caller may do something else; nothing here is consistent before the end.
        """
        change = self.series.plan(times, values, seq, floor=self._floor())
        found: list[tuple[Watched, BatchFindings]] = []
        for watched in self.rules:
            findings = watched.accept(change, bad=bad)
            found.append((watched, findings))
            yield
        self.series.apply(change)
        for watched, findings in found:
            if findings.evaluated:
                watched.window.advance(watched.kind, watched.bound, self.series, clock=clock)
                yield
        self.fresh += zip(change.times, change.values, repeat(seq))
        floor = self._floor()
        gone = 0 if floor is None else self.series.forget(floor)
        if gone:
            for watched in self.rules:
                watched.window.forget(gone)
        return found

    def collect(self, changes: EvaluationChanges, *, first: int, last: int, clock: int) -> None:
        """Put what has changed since the last time into `changes`.

        Args:
            changes: where to put it.
            first: the seq of the first event that was handled; readings of earlier ones had been held.
            last: the seq of the last event, under which its readings and those before are stored.
            clock: the factory's clock.
        """
        for watched in self.rules:
            if watched.is_changed:
                changes.states.append(watched.row())
                watched.is_changed = False
        floor = self._floor()
        chunks: dict[tuple[int, int], list[tuple[int, float]]] = {}
        for at, value, seq in self.fresh:
            if floor is None or at >= floor:
                chunks.setdefault((last, 0) if seq >= first else (seq, clock), []).append((at, value))
        self.fresh = []
        key = (self.equipment, self.metric)
        for (seq, held_until), kept in chunks.items():
            self.chunks.append((seq, held_until, max(at for at, _ in kept)))
            packed = pack([at for at, _ in kept], [value for _, value in kept])
            changes.appended.append((*key, seq, held_until, packed))
        while self.chunks and floor is not None and self.chunks[0][2] < floor:
            seq, held_until, _ = self.chunks.popleft()
            changes.forgotten.append((*key, seq, held_until))
        self._collect_held(changes, clock)

    def _collect_held(self, changes: EvaluationChanges, clock: int) -> None:
        key = (self.equipment, self.metric)
        for seq in [seq for seq, until in self.held_rows.items() if until <= clock]:
            del self.held_rows[seq]
            changes.released.append((*key, seq))
        for seq, (times, values) in self.arrived.items():
            until = max(times)
            if until > clock:
                self.held_rows[seq] = until
                changes.held.append((*key, seq, until, pack(times, values)))
        self.arrived = {}

    def _floor(self) -> int | None:
        """Return the time before which no rule needs a reading; None while one still needs all."""
        floors = [watched.window.floor for watched in self.rules]
        known = [floor for floor in floors if floor is not None]
        return min(known) if len(known) == len(floors) else None


SeriesKey: TypeAlias = tuple[str, str]
"""Equipment and metric."""


@dataclass(slots=True)
class FactoryWatch:
    """All rules of one factory, as they are after the event `position`.

    Args:
        version: of the rules; None without any.
        position: the seq of the last event that was evaluated.
        series: what the rules watch.
        clock: up to which time readings have been evaluated, in microseconds.
        touched: the series that have changed since they were last committed.
    """

    version: int | None
    position: int
    series: dict[SeriesKey, WatchedSeries]
    clock: int = 0
    touched: set[SeriesKey] = field(default_factory=set)

    @property
    def due(self) -> int | None:
        """When the next reading that is held can be evaluated; None if none is held."""
        return min((series.held[0][0] for series in self.series.values() if series.held), default=None)


def pack(times: Sequence[int], values: Sequence[float]) -> bytes:
    """Return readings as `series_readings.readings` keeps them."""
    return struct.pack(f"<{len(times)}q{len(values)}d", *times, *values)


def unpack(readings: bytes) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Read what `pack` wrote."""
    count = len(readings) // PAIR_BYTES
    numbers = struct.unpack(f"<{count}q{count}d", readings)
    return numbers[:count], numbers[count:]


def _to_condition(factory_id: UUID, rule: StoredRule) -> WatchedCondition:
    lasting = f" for {rule.on_delay_seconds:g} s" if rule.on_delay_seconds else ""
    return WatchedCondition(
        factory_id=factory_id,
        rule_id=rule.id,
        rule_version=rule.version,
        subject=rule.subject,
        equipment=rule.equipment,
        metric=rule.metric,
        incident_type=rule.incident_type,
        severity=rule.severity,
        title=rule.name,
        description=f"{rule.metric} of {rule.equipment} {rule.operator} {rule.threshold:g}{lasting}",
    )
