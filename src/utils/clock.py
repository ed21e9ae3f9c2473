"""The clock: the one place that reads the time, always aware and always UTC."""

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
    """Write an aware datetime as RFC 3339 in UTC with a `Z`; microseconds only where there are any.

    Raises:
        ValueError: the datetime is naive, so that nobody can say which instant it means.
    """
    if moment.tzinfo is None:
        raise ValueError("a naive datetime names no instant: give it a time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


class LogClock:
    """Writes instants as `2026-01-15T10:30:00.123456Z`, keeping the text of the current second."""

    def __init__(self) -> None:
        self._second_text = (-1, "")

    def now(self) -> str:
        """Return the current instant, always with six digits of microseconds."""
        return self.at_microseconds(time.time_ns() // 1000)

    def at(self, unix_seconds: float) -> str:
        """Return an instant given in seconds since the epoch, as `logging` records carry it."""
        return self.at_microseconds(round(unix_seconds * 1_000_000))

    def at_microseconds(self, microseconds: int) -> str:
        """Return an instant given in whole microseconds since the epoch."""
        second, fraction = divmod(microseconds, 1_000_000)
        cached, text = self._second_text
        if second != cached:
            text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._second_text = (second, text)
        return f"{text}{fraction:06d}Z"
