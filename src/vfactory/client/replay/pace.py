"""When each row of a replay is due, and by how much its recorded time is moved."""

import time
from datetime import datetime, timedelta

from vfactory.client.replay.recording import Span

TICK_SECONDS = 0.1
"""At a limited speed, rows due within this much real time travel in one request."""


class SpeedError(ValueError):
    """A speed that is neither `max` nor a positive number."""


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
    """Return what to add to each recorded time so that the replay happens now.

    At speed 1 or less the recording begins now. Sent faster, it would run ahead of the clock, into a future
    nobody has measured; so it begins as much earlier as it gains, and its last row meets the clock.

    The fraction of a second stays, so that two such replays of one recording never share a time.
    """
    gained = 0.0 if speed is not None and speed <= 1 else span.seconds * (1 - (1 / speed if speed else 0))
    return now - timedelta(seconds=gained) - span.earliest


def tick(speed: float | None) -> timedelta | None:
    """Return the recorded time one batch may cover at this speed; None means no limit."""
    return None if speed is None else timedelta(seconds=TICK_SECONDS * speed)


class Pace:
    """Holds a replay back to its speed, counted from the first row it sends.

    Args:
        speed: Recorded seconds per real second; None never waits.
    """

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._start: tuple[float, datetime] | None = None

    def wait_for(self, at: datetime) -> None:
        """Return when a row of this recorded time is due; at once if it is overdue."""
        if self._speed is None:
            return
        # The first call starts the clock.
        if self._start is None:
            self._start = (time.monotonic(), at)
        began, first = self._start
        due = began + (at - first).total_seconds() / self._speed
        while (rest := due - time.monotonic()) > 0:
            time.sleep(min(rest, 1.0))
