"""Reads the times of a recording, in many notations, as instants in UTC."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_EPOCH = re.compile(r"[+-]?\d{9,19}(\.\d+)?")
_SLASHED = re.compile(r"\d{4}/\d{1,2}/\d{1,2}(\D|$)")
_LEAST_DIGITS_PER_UNIT = ((18, 1_000_000_000), (15, 1_000_000), (12, 1_000), (0, 1))
"""(least number of digits before the point, units per second) for ns, µs, ms and s (1973 to 2286)."""


class TimeError(ValueError):
    """A cell holds no usable time; the text is the reason that the summary gives."""


def read_zone(name: str) -> tzinfo:
    """Return the time zone of an IANA name (`Asia/Seoul`), of `UTC`, or of an offset (`+09:00`).

    Raises:
        TimeError: No such time zone is known on this machine.
    """
    if name.upper() in {"UTC", "Z"}:
        return UTC
    offset = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", name)
    if offset:
        sign, hours, minutes = offset.groups()
        distance = timedelta(hours=int(hours), minutes=int(minutes))
        if distance >= timedelta(days=1):
            raise TimeError(f"{name!r} is not an offset from UTC: it must be below 24 hours")
        return timezone(-distance if sign == "-" else distance)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        message = (
            f"{name!r} is not a time zone: use an IANA name such as Asia/Seoul, or an offset such as +09:00"
        )
        raise TimeError(message) from error


class TimeReader:
    """Reads one recording's times in their order.

    A time without an offset is taken in `zone`. When clocks go back, the same local time occurs twice: the
    earlier instant is taken, unless it would be before the previous row's. When clocks go forward, a local
    time that did not exist is refused.

    Args:
        zone: The zone of times without an offset.
        pattern: A `strptime` pattern for ambiguous notations (`%d.%m.%Y %H:%M:%S`).

    Attributes:
        naive: How many times had no offset.
        repeated_hour: How many of them lie in an hour that occurred twice.
    """

    def __init__(self, zone: tzinfo, pattern: str | None = None) -> None:
        self._zone = zone
        self._pattern = pattern
        self._previous: datetime | None = None
        self.repeated_hour = 0
        self.naive = 0

    def read(self, cell: str) -> datetime:
        """Return the instant of one cell, in UTC.

        Raises:
            TimeError: The cell holds no time, or one that did not exist in the recording's zone.
        """
        try:
            moment = parse_time(cell.strip(), self._pattern)
            instant = self._place(moment) if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError as error:
            raise TimeError("a time outside the years 1 to 9999") from error
        self._previous = instant
        return instant

    def _place(self, moment: datetime) -> datetime:
        self.naive += 1
        if self._zone is UTC:
            return moment.replace(tzinfo=UTC)
        first = moment.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
        second = moment.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        if first == second:
            return first
        if first.astimezone(self._zone).replace(tzinfo=None, fold=0) != moment:
            raise TimeError(f"a local time that never was: clocks went forward in {self._zone}")
        self.repeated_hour += 1
        stepped_back = self._previous is not None and first < self._previous
        return second if stepped_back else first


def parse_time(text: str, pattern: str | None = None) -> datetime:
    """Return the time written in `text`, aware only if the text has an offset.

    It accepts ISO 8601 with its usual relaxations, `YYYY/M/D`, and Unix time in s, ms, µs or ns
    (distinguished by the number of digits); any other notation needs `pattern`.

    Raises:
        TimeError: The text is not a time in these notations.
    """
    if not text:
        raise TimeError("empty")
    try:
        if pattern is not None:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is the caller's to give
        if _EPOCH.fullmatch(text):
            return _from_epoch(text)
        return datetime.fromisoformat(_dashed(text) if _SLASHED.match(text) else text)
    except ValueError as error:
        raise TimeError("not a time" if pattern is None else f"not a time written {pattern}") from error


def _dashed(text: str) -> str:
    date, _, clock = text.replace("T", " ").partition(" ")
    year, month, day = date.split("/")
    return f"{year}-{month:0>2}-{day:0>2} {clock}".rstrip()


def _from_epoch(text: str) -> datetime:
    whole, _, fraction = text.partition(".")
    digits = len(whole.lstrip("+-"))
    per_second = next(unit for least, unit in _LEAST_DIGITS_PER_UNIT if digits >= least)
    seconds, rest = divmod(int(whole), per_second)
    microseconds = rest * 1_000_000 // per_second
    if per_second == 1 and fraction:
        microseconds = int(f"{fraction:0<6}"[:6])
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=microseconds)
