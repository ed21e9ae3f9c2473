"""Evaluates readings that are all there and in order: what any other order has to come to."""

from collections.abc import Sequence

from incident_event.rules.findings import BatchFindings
from incident_event.rules.lifecycle import ConditionState, Episode, Kind
from incident_event.rules.series import Block, SeriesWindow
from incident_event.rules.window import Bound, Window


def fold(
    kind: Kind, state: ConditionState, times: Sequence[int], values: Sequence[float]
) -> tuple[ConditionState, list[Episode]]:
    """Return the state after the readings, and every episode touched."""
    evaluation = kind.begin(state)
    if times:
        evaluation.feed(Block(times, values, [1] * len(times)))
    return evaluation.state, evaluation.finish()


class OneRule:
    """A rule alone on a series."""

    def __init__(self, kind: Kind, bound: Bound, first_seq: int = 0) -> None:
        self.kind, self.bound = kind, bound
        self.series, self.window = SeriesWindow(), Window(first_seq=first_seq)

    def accept(
        self, times: Sequence[int], values: Sequence[float], *, clock: int, seq: int = 1
    ) -> BatchFindings:
        """Evaluate one batch as the worker does."""
        change = self.series.plan(times, values, seq, floor=self.window.floor)
        findings = self.window.accept(self.kind, change)
        self.series.apply(change)
        self.advance(findings, self.series, clock=clock)
        if self.window.floor is not None:
            self.window.forget(self.series.forget(self.window.floor))
        return findings

    def advance(self, findings: BatchFindings, series: SeriesWindow, *, clock: int) -> None:
        """Move the bound after a batch that brought something to evaluate."""
        if findings.evaluated:
            self.window.advance(self.kind, self.bound, series, clock=clock)

    @property
    def readings(self) -> tuple[list[int], list[float]]:
        """Times and values of what the rule sees."""
        return seen(self.window, self.series)


def seen(window: Window, series: SeriesWindow) -> tuple[list[int], list[float]]:
    """Return times and values of what a rule sees of a series."""
    visible = [block.visible(window.floor, window.first_seq) for block in series.blocks]
    blocks = [block for block in visible if block is not None]
    return [at for block in blocks for at in block.times], [v for block in blocks for v in block.values]
