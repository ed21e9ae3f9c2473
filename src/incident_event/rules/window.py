"""One rule's view of a series: evaluated once in order, and again only where late readings change it."""

from bisect import bisect_left
from dataclasses import dataclass

from incident_event.rules.findings import BatchFindings, compare
from incident_event.rules.lifecycle import NORMAL, ConditionState, Episode, Evaluation, Kind
from incident_event.rules.reevaluation import Reevaluation
from incident_event.rules.series import Block, Change, SeriesWindow

MAX_WINDOW_READINGS = 4096


@dataclass(frozen=True, slots=True)
class Bound:
    """How late a reading may come: `lateness` microseconds behind the newest, and so many readings behind."""

    lateness: int
    readings: int = MAX_WINDOW_READINGS


@dataclass(slots=True)
class Window:
    """Where the evaluation of one rule on one series stands.

    Args:
        first_seq: of the first event that the rule looks at.
        checkpoint: the state after every reading before `floor`.
        current: the state after all readings.
        floor: a reading before it is late and is not evaluated.
        newest: the time of the newest reading that was evaluated.
        count: how many of the series' readings the rule sees.
        states: the state before each block of the series; None while all of them are normal and no reading
            that the rule sees is beyond its limit.
    """

    first_seq: int = 0
    checkpoint: ConditionState = NORMAL
    current: ConditionState = NORMAL
    floor: int | None = None
    newest: int | None = None
    count: int = 0
    states: list[ConditionState] | None = None

    def restore(self, kind: Kind, series: SeriesWindow) -> None:
        """Find `count` and `states` in a series that was read back."""
        seen = [block for block in map(self._seen, series.blocks) if block is not None]
        self.count = sum(map(len, seen))
        self.states = None
        if self.checkpoint is not NORMAL or any(kind.is_beyond(block.low, block.high) for block in seen):
            evaluation, self.states = kind.begin(self.checkpoint), []
            for block in series.blocks:
                self.feed(evaluation, block, self.states)

    def accept(self, kind: Kind, change: Change) -> BatchFindings:
        """Evaluate one batch, in whatever order it comes, and say what it changed.

        Readings in order are evaluated once. Where one falls among those that were evaluated already, the
        evaluation runs again from its block on until its state is again what it was; what was raised before
        is not raised again, what it finds beyond that is. So every activation that evaluation in order gives
        is raised, whatever the order of arrival within the bound, and readings in order give exactly those.
        """
        findings = BatchFindings()
        if change.seq < self.first_seq:  # the batch was accepted before the rule was made
            if self.states is not None:
                self._evaluate(kind, change, findings)
            return findings
        findings.late = 0 if self.floor is None else bisect_left(change.times, self.floor)
        findings.evaluated = len(change.times) - findings.late
        if findings.evaluated:
            self.count += findings.evaluated
            self.newest = max(change.times[-1], change.times[-1] if self.newest is None else self.newest)
        if self.states is not None or (findings.evaluated and kind.is_beyond(change.low, change.high)):
            self._evaluate(kind, change, findings)
        return findings

    def advance(self, kind: Kind, bound: Bound, series: SeriesWindow, *, clock: int) -> None:
        """Move the bound, and the state of what lies before it into the checkpoint.

        The bound follows the newest reading's time, but never runs ahead of the factory's `clock`.
        """
        if self.newest is None:
            return
        floor = min(self.newest, clock) - bound.lateness
        if self.floor is not None and floor <= self.floor and self.count <= bound.readings:
            return
        for number in range(self._first_block(series), len(series.blocks)):
            if not self._leave(kind, bound, series, number, floor):
                break
        self.floor = floor if self.floor is None else max(self.floor, floor)

    def _leave(self, kind: Kind, bound: Bound, series: SeriesWindow, number: int, floor: int) -> bool:
        """Take what lies behind the bound in one block out of the window; return whether that is all."""
        block = series.blocks[number]
        seen = block if block.oldest_seq >= self.first_seq else self._seen(block)
        if seen is None:
            return True
        start = 0 if self.floor is None else bisect_left(seen.times, self.floor)
        inside = len(seen) - start
        leaving = min(max(bisect_left(seen.times, floor) - start, self.count - bound.readings, 0), inside)
        if not leaving:
            return not inside
        self.count -= leaving
        if self.states is not None:
            if leaving == inside:
                self.checkpoint = self.states[number + 1] if number + 1 < len(self.states) else self.current
            else:
                evaluation = kind.begin(self.checkpoint)
                evaluation.feed(seen.part(start, start + leaving))
                self.checkpoint = evaluation.state
        self.floor = seen.times[start + leaving - 1] + 1
        return leaving == inside

    def _first_block(self, series: SeriesWindow) -> int:
        """Return the number of the first block that ends at or after the floor."""
        if self.floor is None:
            return 0
        return bisect_left(series.blocks, self.floor, key=lambda block: block.times[-1])

    def forget(self, blocks: int) -> None:
        """Follow the series, which has dropped so many blocks."""
        if self.states is not None:
            del self.states[:blocks]

    def _append(self, kind: Kind, change: Change, states: list[ConditionState]) -> list[Episode]:
        """Evaluate what comes after all others; return every episode touched."""
        evaluation = kind.begin(self.current)
        for number, block in enumerate(change.appended):
            if not (change.joins and number == 0):
                states.append(evaluation.state)
            seen = self._seen(block)
            if seen is not None:
                evaluation.feed(seen)
        self.current = evaluation.state
        return evaluation.finish()

    def state_before(self, block: Block, state: ConditionState) -> ConditionState:
        """Return the state before the first reading of a block that the rule sees."""
        return state if self.floor is None or block.times[0] >= self.floor else self.checkpoint

    def _seen(self, block: Block) -> Block | None:
        return block.visible(self.floor, self.first_seq)

    def feed(self, evaluation: Evaluation, block: Block, states: list[ConditionState]) -> None:
        """Evaluate what the rule sees of a block, and note the state before it in `states`."""
        states.append(evaluation.state)
        seen = self._seen(block)
        if seen is not None:
            evaluation.feed(seen)

    def _evaluate(self, kind: Kind, change: Change, findings: BatchFindings) -> None:
        states = self.states if self.states is not None else [NORMAL] * len(change.before)
        if not change.edits:
            known = [] if self.current.activated_at is None else [Episode(self.current.activated_at, None)]
            compare(known, self._append(kind, change, states), findings)
            self.states = states
            return
        again = Reevaluation(self, kind, change.before, states)
        for edit in change.edits:
            again.edit(edit.start, edit.old, edit.new)
        self.current = again.append(self.current, change.appended, joins=change.joins)
        self.states = again.states
        compare(again.known, again.found, findings)
