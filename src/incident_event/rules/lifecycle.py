"""A threshold's condition over event time: a pure fold of readings. Times are microseconds since 1970."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

Times = Sequence[int]
Values = Sequence[float]


class Operator(StrEnum):
    """On which side of the limit a reading is dangerous; the comparison is strict."""

    ABOVE = ">"
    BELOW = "<"


class Condition(StrEnum):
    """Where a watched condition stands."""

    NORMAL = "normal"
    PENDING = "pending"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit with on-delay (microseconds, ≥ 0) and deadband (unit of the readings, ≥ 0).

    Both are those of ANSI/ISA-18.2: the on-delay holds an alarm back until the condition has lasted, the
    deadband holds an active one until the value has come back by that much.
    """

    operator: Operator
    limit: float
    on_delay: int = 0
    deadband: float = 0.0


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


@dataclass(frozen=True, slots=True)
class Episode:
    """One activation: from the reading that made the condition active to the one that cleared it, if any.

    `value` is that of the activating reading; None where the activation lies before what was folded.
    """

    activated_at: int
    value: float | None
    cleared_at: int | None = None

    def overlaps(self, other: "Episode") -> bool:
        """Whether the two share a moment."""
        return _starts_in(self, other) or _starts_in(other, self)


def _starts_in(first: Episode, second: Episode) -> bool:
    starts_after = first.activated_at >= second.activated_at
    return starts_after and (second.cleared_at is None or first.activated_at <= second.cleared_at)


def fold(
    threshold: Threshold, state: ConditionState, times: Times, values: Values
) -> tuple[ConditionState, list[Episode]]:
    """Evaluate readings in the order of their times and give the new state and every episode touched.

    The on-delay starts at the first reading beyond the limit and starts over as soon as one is not; a reading
    at or after its end that is still beyond activates. An active condition clears at the first reading that
    is back by the deadband. An episode that was open in `state` comes first, with `value` None.
    """
    sign = 1.0 if threshold.operator is Operator.ABOVE else -1.0
    limit, delay = threshold.limit * sign, threshold.on_delay
    clears_at = limit - threshold.deadband
    since, activated_at = state.since, state.activated_at
    if since is None and not _any_beyond(threshold, values):
        return state, []
    episodes: list[Episode] = []
    active_value: float | None = None
    for at, value in zip(times, values, strict=True):
        signed = value * sign
        if activated_at is not None:
            if signed <= clears_at:
                episodes.append(Episode(activated_at, active_value, at))
                since = activated_at = None
        elif signed > limit:
            if since is None:
                since = at
            if at - since >= delay:
                activated_at, active_value = at, value
        else:
            since = None
    if activated_at is not None:
        episodes.append(Episode(activated_at, active_value))
    return ConditionState(since, activated_at), episodes


def _any_beyond(threshold: Threshold, values: Values) -> bool:
    """Most batches are harmless, and `max` sees that ten times faster than the fold."""
    if not values:
        return False
    if threshold.operator is Operator.ABOVE:
        return max(values) > threshold.limit
    return min(values) < threshold.limit
