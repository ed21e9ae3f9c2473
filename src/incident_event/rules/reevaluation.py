"""Evaluates a series again where late readings change it, as it was and as it is, until both agree."""

from collections.abc import Iterable
from typing import Protocol

from incident_event.rules.lifecycle import ConditionState, Episode, Evaluation, Kind
from incident_event.rules.series import Block


class View(Protocol):
    """What a rule sees of a series."""

    def feed(self, evaluation: Evaluation, block: Block, states: list[ConditionState]) -> None:
        """Evaluate what the rule sees of a block, and note the state before it in `states`."""

    def state_before(self, block: Block, state: ConditionState) -> ConditionState:
        """Return the state before the first reading of a block that the rule sees."""


class Reevaluation:
    """Walks over a series as it was and as it is, side by side wherever the two may differ in state."""

    def __init__(self, view: View, kind: Kind, before: list[Block], states: list[ConditionState]) -> None:
        self.known: list[Episode] = []
        self.found: list[Episode] = []
        self.states: list[ConditionState] = []
        self._view = view
        self._kind = kind
        self._before = before
        self._old_states = states
        self._place = 0
        self._was: Evaluation | None = None
        self._now: Evaluation | None = None

    def edit(self, start: int, old: Block, new: Iterable[Block]) -> None:
        """Evaluate a replaced block as it was and as it is."""
        self._walk_to(start)
        if self._was is None or self._now is None:
            state = self._view.state_before(old, self._old_states[start])
            self._drop_open(state)
            self._was, self._now = self._kind.begin(state), self._kind.begin(state)
        self._view.feed(self._was, old, [])
        for block in new:
            self._view.feed(self._now, block, self.states)
        self._place = start + 1

    def append(self, current: ConditionState, appended: list[Block], *, joins: bool) -> ConditionState:
        """Evaluate what comes after all others and return the state after it."""
        self._walk_to(len(self._before))
        if self._now is None:
            if not appended:
                return current
            self._drop_open(current)
            self.known += [] if current.activated_at is None else [Episode(current.activated_at, None)]
            self._now = self._kind.begin(current)
        elif self._was is not None:
            self.known += self._was.finish()
        for number, block in enumerate(appended):
            self._view.feed(self._now, block, [] if joins and number == 0 else self.states)
        self.found += self._now.finish()
        return self._now.state

    def _walk_to(self, end: int) -> None:
        """Evaluate the unchanged blocks up to `end` both ways, until both states are equal."""
        while self._was is not None and self._now is not None and self._place < end:
            if self._was.state == self._now.state:
                self.known += self._was.finish()
                self.found += self._now.finish()
                self._was = self._now = None
                break
            block = self._before[self._place]
            self._view.feed(self._was, block, [])
            self._view.feed(self._now, block, self.states)
            self._place += 1
        if self._was is None:
            self.states += self._old_states[self._place : end]
            self._place = end

    def _drop_open(self, state: ConditionState) -> None:
        """Drop the last episode if it is the one that is open in `state`: it is about to continue."""
        for episodes in (self.known, self.found):
            if episodes and episodes[-1].activated_at == state.activated_at:
                episodes.pop()
