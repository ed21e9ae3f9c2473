"""Evaluates readings in whatever order they come: a checkpoint, and the readings since (microseconds)."""

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field

from incident_event.rules.lifecycle import NORMAL, ConditionState, Episode, Threshold, Times, Values, fold

MAX_WINDOW_READINGS = 4096


@dataclass(frozen=True, slots=True)
class Bound:
    """How late a reading may come: `lateness` microseconds behind the newest, and so many readings behind."""

    lateness: int
    readings: int = MAX_WINDOW_READINGS


@dataclass(frozen=True, slots=True)
class Moved:
    """A known episode turned out to have begun earlier."""

    previously: int
    activated_at: int


@dataclass(slots=True)
class BatchFindings:
    """What one batch changed: `times` and `values` are the readings it added to the window, in order."""

    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    late: int = 0
    ended_at: int | None = None
    """When the episode that was open before has ended."""
    raised: list[Episode] = field(default_factory=list)
    """Episodes nobody knew of, in the order of their times."""
    moved: list[Moved] = field(default_factory=list)

    @property
    def has_effects(self) -> bool:
        """Whether anybody must be told."""
        return bool(self.raised or self.moved) or self.ended_at is not None


@dataclass(slots=True)
class Window:
    """One rule's memory of one subject.

    `checkpoint` is the state after every reading before `floor`; `times` and `values` are the readings since,
    in order; `current` is the state after them. A reading before `floor` is late and is not evaluated.
    """

    checkpoint: ConditionState = NORMAL
    current: ConditionState = NORMAL
    floor: int | None = None
    newest: int | None = None
    times: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))

    def accept(
        self, threshold: Threshold, bound: Bound, times: Times, values: Values, *, accepted_at: int
    ) -> BatchFindings:
        """Evaluate one batch, in whatever order it comes, and say what it changed.

        Readings in order are folded once. Where one comes before a reading that was evaluated already, the
        fold runs again from the checkpoint; what was raised before is not raised again, what it finds beyond
        that is. So every activation that evaluation in order gives is raised, whatever the order of arrival
        within the bound, and readings in order give exactly those.

        The bound follows the newest reading's time, but never runs ahead of `accepted_at`: one sensor clock
        that is minutes fast must not make the readings of the present late.
        """
        outcome = BatchFindings()
        outcome.times, outcome.values = _in_order(times, values)
        self._drop_late(outcome)
        if outcome.times:
            self._evaluate(threshold, outcome)
            self._advance(threshold, bound, accepted_at)
        return outcome

    def _drop_late(self, outcome: BatchFindings) -> None:
        if self.floor is None:
            return
        outcome.late = bisect_left(outcome.times, self.floor)
        if outcome.late:
            del outcome.times[: outcome.late], outcome.values[: outcome.late]

    def _evaluate(self, threshold: Threshold, outcome: BatchFindings) -> None:
        if not self.times or outcome.times[0] > self.times[-1]:
            known = _open_episode(self.current)
            self.current, episodes = fold(threshold, self.current, outcome.times, outcome.values)
            self.times.extend(outcome.times)
            self.values.extend(outcome.values)
        else:
            _, known = self._fold_again(threshold)
            self._merge(outcome)
            self.current, episodes = self._fold_again(threshold)
        _compare(known, episodes, outcome)

    def _fold_again(self, threshold: Threshold) -> tuple[ConditionState, list[Episode]]:
        return fold(threshold, self.checkpoint, self.times, self.values)

    def _merge(self, outcome: BatchFindings) -> None:
        """Put the batch among what is here; of two readings of one moment the first to come stays."""
        here = set(self.times)
        fresh = [pair for pair in zip(outcome.times, outcome.values, strict=True) if pair[0] not in here]
        outcome.times, outcome.values = [at for at, _ in fresh], [value for _, value in fresh]
        merged = sorted([*zip(self.times, self.values, strict=True), *fresh])
        self.times = array("q", [at for at, _ in merged])
        self.values = array("d", [value for _, value in merged])

    def _advance(self, threshold: Threshold, bound: Bound, accepted_at: int) -> None:
        """Move the bound, and what lies before it from the window into the checkpoint."""
        self.newest = max(self.times[-1], self.newest if self.newest is not None else self.times[-1])
        floor = min(self.newest, accepted_at) - bound.lateness
        leaving = max(bisect_left(self.times, floor), len(self.times) - bound.readings)
        if leaving > 0:
            floor = max(floor, self.times[leaving - 1] + 1)
            gone = self.times[:leaving], self.values[:leaving]
            self.checkpoint, _ = fold(threshold, self.checkpoint, *gone)
            del self.times[:leaving], self.values[:leaving]
        self.floor = floor if self.floor is None else max(self.floor, floor)


def _in_order(times: Times, values: Values) -> tuple[list[int], list[float]]:
    """Sort by time; of two readings of one moment the first stays."""
    ordered = sorted(set(times))
    if ordered == list(times):
        return ordered, list(values)
    unique: dict[int, float] = {}
    for at, value in zip(times, values, strict=True):
        unique.setdefault(at, value)
    return ordered, [unique[at] for at in ordered]


def _open_episode(state: ConditionState) -> list[Episode]:
    return [] if state.activated_at is None else [Episode(state.activated_at, None)]


def _compare(known: list[Episode], found: list[Episode], outcome: BatchFindings) -> None:
    """Account for every found episode by at most one known one; what is left over is new."""
    left = list(known)
    for episode in found:
        before = _same(episode, left)
        if before is None:
            outcome.raised.append(episode)
            continue
        left.remove(before)
        if episode.activated_at < before.activated_at:
            outcome.moved.append(Moved(before.activated_at, episode.activated_at))
        if before.cleared_at is None and episode.cleared_at is not None:
            outcome.ended_at = episode.cleared_at
    for retracted in left:
        if retracted.cleared_at is None:
            # Late readings showed that it had not lasted: what was raised stands, but nothing holds any more.
            outcome.ended_at = retracted.activated_at


def _same(episode: Episode, known: list[Episode]) -> Episode | None:
    exact = (other for other in known if other.activated_at == episode.activated_at)
    return next(exact, None) or next((other for other in known if other.overlaps(episode)), None)
