"""Places a recording's times in its time zone, as instants in UTC."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from vfactory.client.replay.reading.notation import Notation, TimeError

_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class _Last:
    """The last time of one series, and the step that led to it."""

    instant: datetime
    step: timedelta | None = None


class TimeReader:
    """Reads one recording's times in their order.

    A time without an offset is taken in `zone`. When clocks go back, the same local time occurs twice: the
    earlier instant is taken, unless it would be before the previous row's, or be that of the previous row
    in a
    series of hourly values. Where the newest row comes first, it is the other way round. When clocks go
    forward,
    a local time that did not exist is refused.

    Args:
        zone: The zone of times without an offset.
        pattern: A `strptime` pattern for ambiguous notations (`%d.%m.%Y %H:%M:%S`), or the whole notation.
        newest_first: Whether the rows go back in time.

    Attributes:
        naive: How many times had no offset.
        repeated_hour: How many of them lie in an hour that occurred twice.
    """

    def __init__(
        self, zone: tzinfo, pattern: str | Notation | None = None, *, newest_first: bool = False
    ) -> None:
        self._zone = zone
        self._notation = pattern if isinstance(pattern, Notation) else Notation(pattern)
        self._direction = -1 if newest_first else 1
        self._last: dict[Hashable, _Last] = {}
        self.repeated_hour = 0
        self.naive = 0

    def read(self, *cells: str, series: Hashable = None) -> datetime:
        """Return the instant of one row, in UTC.

        Args:
            cells: The cell of the time, or those of its parts.
            series: What the row belongs to; the order of rows counts within a series.

        Raises:
            TimeError: The cells hold no time, or one that did not exist in the recording's zone.
        """
        last = self._last.get(series)
        try:
            moment = self._notation.parse(cells)
            instant = self._place(moment, last) if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError as error:
            raise TimeError("a time outside the years 1 to 9999") from error
        if last is None:
            self._last[series] = _Last(instant)
        elif instant != last.instant:
            last.instant, last.step = instant, abs(instant - last.instant)
        return instant

    def _place(self, moment: datetime, last: _Last | None) -> datetime:
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
        usual, other = (first, second) if self._direction > 0 else (second, first)
        return other if last is not None and self._is_repeated(usual, last) else usual

    def _is_repeated(self, instant: datetime, last: _Last) -> bool:
        """Return whether the usual instant of a repeated local time is already behind the series."""
        ahead = (instant - last.instant) * self._direction
        hourly = last.step is None or last.step >= _HOUR
        return ahead < timedelta() or (hourly and ahead == timedelta())
