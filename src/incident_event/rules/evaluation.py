"""The evaluation of a factory's rules as one pure function: `step`, from inputs to effects.

Time is the factory's clock: it moves with the acceptance of readings, and with ticks while none come. A
reading that is stamped ahead of it is held, and evaluated when its time has come.
"""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

from incident_event.rules.findings import BatchFindings
from incident_event.rules.lifecycle import Times, Values
from incident_event.rules.watch import FactoryWatch, SeriesKey, Watched, WatchedSeries

SOFT_SECONDS = 0.25
HARD_SECONDS = 20.0


class OverBudgetError(Exception):
    """One input took longer to evaluate than is allowed."""


@dataclass(frozen=True, slots=True)
class SeriesInput:
    """The readings of one series in one event; `bad` more of them were left out for their quality."""

    key: SeriesKey
    times: Times
    values: Values
    bad: int = 0


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of one event, accepted when the publisher's clock showed `at` (microseconds)."""

    seq: int
    at: int
    series: Sequence[SeriesInput]


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed to `at` (microseconds), without an event."""

    at: int


Input: TypeAlias = Readings | Tick


@dataclass(frozen=True, slots=True)
class Effect:
    """What one rule has found.

    Args:
        place: which of the inputs showed it.
        since: when that could first be known: the clock at which its readings could be evaluated.
        rule: which rule.
        findings: what it has found.
    """

    place: int
    since: int
    rule: Watched
    findings: BatchFindings


@dataclass(slots=True)
class Outcome:
    """What a step has found, and how many of the inputs it has used."""

    used: int = 0
    effects: list[Effect] = field(default_factory=list)
    evaluated: int = 0
    late: int = 0
    bad: int = 0

    def add(self, place: int, since: int, rule: Watched, findings: BatchFindings, bad: int) -> None:
        """Count what one rule did with readings of one event."""
        self.evaluated += findings.evaluated
        self.late += findings.late
        self.bad += bad
        if findings.has_effects:
            self.effects.append(Effect(place, since, rule, findings))


@dataclass(slots=True)
class Budget:
    """The processor time of a step in seconds: after `soft` it begins no further input, `hard` ends it."""

    soft: float = SOFT_SECONDS
    hard: float = HARD_SECONDS
    spent: float = 0.0
    _since: float = 0.0

    def resume(self) -> None:
        """Count from now on."""
        self._since = time.perf_counter()

    def pause(self) -> None:
        """Count no more, until the next `resume`."""
        self.spent += time.perf_counter() - self._since

    def check(self) -> None:
        """Check that not more than `hard` has been spent.

        Raises:
            OverBudgetError: it has.
        """
        if self.spent > self.hard:
            raise OverBudgetError(f"its evaluation takes more than {self.hard:g} s")

    @property
    def is_used_up(self) -> bool:
        """Whether no further input is to be begun."""
        return self.spent + time.perf_counter() - self._since >= self.soft


def step(watch: FactoryWatch, inputs: Iterable[Input], budget: Budget) -> Generator[None, None, Outcome]:
    """Evaluate inputs in their order: the first one, and as many more as the budget allows.

    Yields wherever the caller may do something else; `watch` is consistent again at the end.
    """
    outcome = Outcome()
    for place, one in enumerate(inputs):
        yield
        watch.clock = max(watch.clock, one.at)
        for key, ready in _ready(watch, one):
            series = watch.series[key]
            watch.touched.add(key)
            for seq, times, values, bad in ready:
                found = yield from series.accept(times, values, seq, bad=bad, clock=watch.clock)
                for rule, findings in found:
                    outcome.add(place, watch.clock, rule, findings, bad)
        outcome.used += 1
        if budget.is_used_up:
            break
    return outcome


Run: TypeAlias = tuple[int, Times, Values, int]
"""Readings of one event that can be evaluated: its seq, times, values, and how many were bad."""


def _ready(watch: FactoryWatch, one: Input) -> Iterator[tuple[SeriesKey, list[Run]]]:
    """Yield each series with the readings whose time has come, in the order of their times."""
    given: dict[SeriesKey, list[SeriesInput]] = {}
    for sent in one.series if isinstance(one, Readings) else ():
        if sent.key in watch.series:
            given.setdefault(sent.key, []).append(sent)
    due = [key for key, series in watch.series.items() if series.held and series.held[0][0] <= watch.clock]
    for key in [*given, *(key for key in due if key not in given)]:
        seq = one.seq if isinstance(one, Readings) else 0
        runs = _runs(watch.series[key], given.get(key, ()), seq, watch.clock)
        if runs:
            yield key, runs
        elif watch.series[key].arrived:
            watch.touched.add(key)


def _runs(series: WatchedSeries, given: Sequence[SeriesInput], seq: int, clock: int) -> list[Run]:
    bad = sum(sent.bad for sent in given)
    if not series.held and len(given) == 1 and max(given[0].times, default=clock) <= clock:
        return [(seq, given[0].times, given[0].values, bad)] if given[0].times or bad else []
    pairs = [pair for sent in given for pair in zip(sent.times, sent.values, strict=True)]
    ahead = [pair for pair in pairs if pair[0] > clock]
    if ahead:
        series.hold([at for at, _ in ahead], [value for _, value in ahead], seq)
    ready = [*series.release(clock), *((at, seq, value) for at, value in pairs if at <= clock)]
    ready.sort(key=itemgetter(0))  # stable: of readings of one moment the first to arrive stays first
    runs: list[Run] = []
    for number, some in groupby(ready, key=itemgetter(1)):
        run = list(some)
        runs.append((number, [at for at, _, _ in run], [value for _, _, value in run], 0))
    if bad:
        runs.append((seq, [], [], bad))
    return runs
