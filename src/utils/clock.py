"""The clock: the one place that reads the time, always aware and in UTC."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Now = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current instant, aware, in UTC, with microseconds."""
    return datetime.now(UTC)


def unix_milliseconds() -> int:
    """Return whole milliseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1_000_000


def to_rfc3339(moment: datetime) -> str:
    """Return an aware datetime as RFC 3339 text in UTC with a `Z`; microseconds only if not zero.

    Raises:
        ValueError: the datetime is naive, so it names no instant.
    """
    if moment.tzinfo is None:
        raise ValueError("a naive datetime names no instant: give it a time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


class LogClock:
    """Formats instants as `2026-01-15T10:30:00.123456Z`; caches the text of the current second."""

    def __init__(self) -> None:
        self._second_text = (-1, "")

    def now(self) -> str:
        """Return the current instant as text."""
        return self.at_microseconds(time.time_ns() // 1000)

    def at(self, unix_seconds: float) -> str:
        """Return the text of an instant in seconds since the epoch, as in a `logging` record."""
        return self.at_microseconds(round(unix_seconds * 1_000_000))

    def at_microseconds(self, microseconds: int) -> str:
        """Return the text of an instant in whole microseconds since the epoch."""
        second, fraction = divmod(microseconds, 1_000_000)
        cached, text = self._second_text
        if second != cached:
            text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._second_text = (second, text)
        return f"{text}{fraction:06d}Z"
