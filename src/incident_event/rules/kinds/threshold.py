"""Thresholds: a value above or below a limit for some time."""

from dataclasses import dataclass
from enum import StrEnum

from incident_event.rules.lifecycle import NORMAL, ConditionState, Episode, Readings


class Operator(StrEnum):
    """On which side of the limit a reading is dangerous; the comparison is strict."""

    ABOVE = ">"
    BELOW = "<"


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

    def is_beyond(self, low: float, high: float) -> bool:
        """Whether, of readings between these extremes, one is beyond the limit."""
        return high > self.limit if self.operator is Operator.ABOVE else low < self.limit

    def begin(self, state: ConditionState) -> "ThresholdEvaluation":
        """Return the evaluation of readings that come after `state`."""
        return ThresholdEvaluation(self, state)


class ThresholdEvaluation:
    """A threshold on its way through readings, in the order of their times.

    The on-delay starts at the first reading beyond the limit and starts over as soon as one is not; a reading
    at or after its end that is still beyond activates. An active condition clears at the first reading that
    is back by the deadband.
    """

    __slots__ = ("_activated_at", "_clears_at", "_delay", "_episodes", "_limit", "_sign", "_since", "_value")

    def __init__(self, threshold: Threshold, state: ConditionState) -> None:
        self._sign = 1.0 if threshold.operator is Operator.ABOVE else -1.0
        self._limit, self._delay = threshold.limit * self._sign, threshold.on_delay
        self._clears_at = self._limit - threshold.deadband
        self._since, self._activated_at = state.since, state.activated_at
        self._value: float | None = None
        self._episodes: list[Episode] = []

    @property
    def state(self) -> ConditionState:
        """Where the condition stands now."""
        return NORMAL if self._since is None else ConditionState(self._since, self._activated_at)

    def feed(self, readings: Readings) -> None:
        """Evaluate readings that come after all before."""
        if self._stays(readings):
            return
        sign, limit, clears_at, delay = self._sign, self._limit, self._clears_at, self._delay
        since, activated_at = self._since, self._activated_at
        for at, value in zip(readings.times, readings.values, strict=True):
            signed = value * sign
            if activated_at is not None:
                if signed <= clears_at:
                    self._episodes.append(Episode(activated_at, self._value, at))
                    since = activated_at = self._value = None
            elif signed > limit:
                if since is None:
                    since = at
                if at - since >= delay:
                    activated_at, self._value = at, value
            else:
                since = None
        self._since, self._activated_at = since, activated_at

    def jump(self, state: ConditionState) -> None:
        """Go on from a state that is known to follow."""
        self._since, self._activated_at, self._value = state.since, state.activated_at, None

    def finish(self) -> list[Episode]:
        """Return every episode touched; one that was open at the beginning comes first, with `value` None."""
        if self._activated_at is not None:
            self._episodes.append(Episode(self._activated_at, self._value))
        return self._episodes

    def _stays(self, readings: Readings) -> bool:
        """Whether no reading changes the state, by their extremes alone."""
        low, high = readings.low, readings.high
        if self._sign < 0:
            low, high = -high, -low
        if self._activated_at is not None:
            return low > self._clears_at
        if self._since is None:
            return high <= self._limit
        return low > self._limit and readings.times[-1] - self._since < self._delay
