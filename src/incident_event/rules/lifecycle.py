"""A rule's condition over event time, and what a kind of rule is. Times are microseconds since 1970."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Times = Sequence[int]
Values = Sequence[float]


class Condition(StrEnum):
    """Where a watched condition stands."""

    NORMAL = "normal"
    PENDING = "pending"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class ConditionState:
    """The fold's state: beyond the limit since when, and active since when."""

    since: int | None = None
    activated_at: int | None = None

    @property
    def condition(self) -> Condition:
        """Normal, pending (beyond, but not for long enough) or active."""
        if self.activated_at is not None:
            return Condition.ACTIVE
        return Condition.NORMAL if self.since is None else Condition.PENDING


NORMAL = ConditionState()


def to_state(since: int | None, activated_at: int | None) -> ConditionState:
    """Return the state with these times."""
    return NORMAL if since is None and activated_at is None else ConditionState(since, activated_at)


@dataclass(frozen=True, slots=True)
class Episode:
    """One activation: from the reading that made the condition active to the one that cleared it, if any.

    `value` is that of the activating reading; None where the activation lies before what was folded.
    """

    activated_at: int
    value: float | None
    cleared_at: int | None = None

    def ends_before(self, other: "Episode") -> bool:
        """Whether this one was cleared before the other began."""
        return self.cleared_at is not None and self.cleared_at < other.activated_at

    def overlaps(self, other: "Episode") -> bool:
        """Whether the two share a moment."""
        return _starts_in(self, other) or _starts_in(other, self)


def _starts_in(first: Episode, second: Episode) -> bool:
    starts_after = first.activated_at >= second.activated_at
    return starts_after and (second.cleared_at is None or first.activated_at <= second.cleared_at)


class Readings(Protocol):
    """Consecutive readings in the order of their times, with their least and greatest value."""

    @property
    def times(self) -> Times: ...  # noqa: D102
    @property
    def values(self) -> Values: ...  # noqa: D102
    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102


class Evaluation(Protocol):
    """A rule on its way through readings, in the order of their times."""

    @property
    def state(self) -> ConditionState:
        """Where the condition stands now."""

    def feed(self, readings: Readings) -> None:
        """Evaluate readings that come after all before."""

    def jump(self, state: ConditionState) -> None:
        """Go on from a state that is known to follow."""

    def finish(self) -> list[Episode]:
        """Return every episode touched; one that was open at the beginning comes first, with `value` None."""


class Kind(Protocol):
    """What one kind of rule makes of readings; a kind is a pure fold over them, in a module of `kinds`."""

    def is_beyond(self, low: float, high: float) -> bool:
        """Return whether, of readings between these extremes, one can change a normal state."""

    def begin(self, state: ConditionState) -> Evaluation:
        """Return the evaluation of readings that come after `state`."""
