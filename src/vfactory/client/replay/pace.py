"""The speed of a replay: when each row is due, and by how much its recorded time is shifted."""

import time
from datetime import datetime, timedelta

from vfactory.client.replay.reading import Span

TICK_SECONDS = 0.1
"""At a limited speed, rows due within this much real time are sent in one request."""


class SpeedError(ValueError):
    """The speed is neither `max` nor a number in the allowed range."""


def read_speed(text: str) -> float | None:
    """Return how many recorded seconds pass in one real second; None for `max`.

    Raises:
        SpeedError: The text is neither `max` nor a number from 0.001 to 1,000,000 (`60x` is allowed).
    """
    if text.strip().lower() == "max":
        return None
    try:
        speed = float(text.strip().lower().removesuffix("x"))
    except ValueError:
        speed = 0
    if not 0.001 <= speed <= 1_000_000:  # noqa: PLR2004 - both bounds are named in the message
        raise SpeedError(f"--speed must be max or a number from 0.001 to 1000000, not {text!r}")
    return speed


def shift_to_now(span: Span, speed: float | None, now: datetime) -> timedelta:
    """Return the shift of each recorded time that makes the replay happen now.

    At speed 1 or less the recording begins now. At a higher speed its times would run ahead of the clock, so
    it begins earlier, by as much as it gains, and its last row is due at its own time.

    `now` keeps its fraction of a second, so that two replays of one recording do not share times.
    """
    gained = 0.0 if speed is not None and speed <= 1 else span.seconds * (1 - (1 / speed if speed else 0))
    return now - timedelta(seconds=gained) - span.earliest


def tick(speed: float | None) -> timedelta | None:
    """Return the span of recorded time that one batch may cover at this speed; None means no limit."""
    return None if speed is None else timedelta(seconds=TICK_SECONDS * speed)


class Pace:
    """Delays a replay to its speed, counted from the first row that it sends.

    Args:
        speed: Recorded seconds per real second; None means no delay.
    """

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._start: tuple[float, datetime] | None = None

    def wait_for(self, at: datetime) -> None:
        """Wait until a row with this recorded time is due."""
        if self._speed is None:
            return
        # The first call starts the clock.
        if self._start is None:
            self._start = (time.monotonic(), at)
        began, first = self._start
        due = began + (at - first).total_seconds() / self._speed
        while (rest := due - time.monotonic()) > 0:
            time.sleep(min(rest, 1.0))
