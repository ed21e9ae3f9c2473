"""Reads the time written in a cell, or in several, in the notation chosen for a recording."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

Order = Literal["dmy", "mdy"]
"""The order of day and month in `16/12/2025`."""
Shape = Literal["text", "numbers", "compact clock", "year month day"]
"""How several cells make one time: as written; date, hour, minute; date and `1730`; only numbers."""

MIDNIGHT = re.compile(r"[ T]0?0:00(:00(\.0+)?)?$")
"""What some programs write behind a date without a time of day."""
_EPOCH = re.compile(r"[+-]?\d{9,19}(\.\d+)?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(\d{3})?)?)?)?(\.\d+)?", re.ASCII)
_LEAST_DIGITS_PER_UNIT = ((18, 1_000_000_000), (15, 1_000_000), (12, 1_000), (0, 1))
"""(least number of digits before the point, units per second) for ns, µs, ms and s (1973 to 2286)."""
_COMPACT_YEARS = range(1990, 2100)
"""Years in which digits are a date, or no time; as Unix time they would lie before 1990 or after 2030."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MARKER = r"오전|오후|[AaPp]\.?[Mm]\.?"
_CLOCK = (
    rf"(?:(?P<before>{_MARKER})\s*)?"
    r"(?:(?P<hour>\d{1,2})(?::|시\s*|[hH](?=\d))(?P<minute>\d{1,2})?(?:(?::|분\s*)(?P<second>\d{1,2})?)?"
    r"(?:[.,]\d*|:\d{3})?(?:초|분|시)?"
    r"|(?P<hour3>\d\d)\.(?P<minute3>\d\d)\.(?P<second3>\d\d)"
    r"|(?P<hour4>\d\d)(?P<minute4>\d\d)(?P<second4>\d\d)?(?:[.,]\d*)?"
    r"|(?P<hour12>\d{1,2})(?=\s*[AaPp]))"
    rf"(?:\s*(?P<after>{_MARKER}))?"
)
_FRACTION = re.compile(r"[\d:]\d\d[.,](\d+)|:\d\d:\d\d:(\d{3})(?!\d)", re.ASCII)
_OFFSET = r"(?P<offset>Z|KST|JST|(?:UTC|GMT)?\s?[+-]\d{1,2}(?::?\d\d)?|UTC|GMT)"
_DATE = (
    r"(?:(?P<year>\d{4})\s?(?:[-/.]|년)\s?(?P<month>\d{1,2})\s?(?:[-/.]|월)\s?(?P<day>\d{1,2})(?:\.|일)?"
    r"|(?P<year8>\d{4})(?P<month8>\d\d)(?P<day8>\d\d)"
    r"|(?P<one>\d{1,2})(?P<sign>[-/.])(?P<two>\d{1,2})(?P=sign)(?P<year3>\d{4})"
    r"|(?P<day4>\d{1,2})[-/. ](?P<name4>[A-Za-z]{3,9})[-/., ]{1,2}(?P<year4>\d{4})"
    r"|(?P<name5>[A-Za-z]{3,9})\.? (?P<day5>\d{1,2}),? (?P<year5>\d{4}))"
)
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?"
_TIME = re.compile(
    rf"{_WEEKDAY}{_DATE}(?:\s*\((?:월|화|수|목|금|토|일)\))?(?:(?:\s*T|\s*[,_:]\s*|\s+|(?<=[.일]))(?P<clock>{_CLOCK}))?(?:\s*{_OFFSET})?(?:\s*\([^)]*\))?",
    re.ASCII,
)
_CLOCK_ONLY = re.compile(rf"{_CLOCK}(?:\s*{_OFFSET})?", re.ASCII)
_DAY_MONTH = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d\d)\b", re.ASCII)
_ZONE_NAME = re.compile(r"\d\s*([A-Z]{3,5})$", re.ASCII)
_NAMED_MONTH = re.compile(r"\d{1,2}([-/ ])[A-Za-z]{3}\1\d\d\b(?!\d)", re.ASCII)
_INTEGER = re.compile(r"\d{1,6}(?:\.0+)?", re.ASCII)
_SPACE = re.compile(r"\s")  # also the narrow one that many programs write before PM
_NAMED_OFFSETS = {"Z": 0, "UTC": 0, "GMT": 0, "KST": 9, "JST": 9}
COUNTED = {"seconds": 1.0, "milliseconds": 0.001}
"""Formats of times that count from a begin, in seconds."""
EXCEL = "excel"
"""The format of Excel's day numbers."""
_EXCEL_BEGIN = datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook knows no zone
_NOON, _DAY_END, _LAST_SECOND = 12, 24, 60


class TimeError(ValueError):
    """A cell holds no usable time; the text is the reason that the summary gives."""


@dataclass(frozen=True, slots=True)
class Notation:
    """How a recording writes its times; chosen once, and then read to the letter.

    Args:
        pattern: A `strptime` pattern, a format of `COUNTED`, or `EXCEL`; None means the usual notations.
        order: The order of day and month where numbers alone do not tell.
        shape: How several cells make one time.
        begin: The time of zero, where times are counted.
    """

    pattern: str | None = None
    order: Order | None = None
    shape: Shape = "text"
    begin: datetime | None = None

    def parse(self, cells: Sequence[str]) -> datetime:
        """Return the time in these cells, aware only if they hold an offset.

        Raises:
            TimeError: The cells hold no time in this notation.
        """
        text = self.join(cells)
        if self.pattern == EXCEL:
            return _EXCEL_BEGIN + timedelta(milliseconds=round(_number(text) * 86_400_000))
        if self.begin is not None and self.pattern is None and not _is_number(text):
            return _clock_of_day(self.begin, text)
        if self.begin is not None:
            return self.begin + timedelta(seconds=_number(text) * COUNTED[self.pattern or "seconds"])
        return parse_time(text, self.pattern, self.order)

    def join(self, cells: Sequence[str]) -> str:
        """Return the cells of one time as one text."""
        texts = [cell.strip() for cell in cells]
        if len(texts) == 1:
            return texts[0]
        texts[0] = MIDNIGHT.sub("", texts[0])
        if self.shape == "text" or self.pattern is not None:
            return " ".join(texts)
        numbers = [text.partition(".")[0] for text in texts]
        if self.shape == "year month day":
            date, clock = "-".join(numbers[:3]), numbers[3:]
        else:
            date, clock = texts[0], numbers[1:]
        if self.shape == "compact clock":
            digits = clock[0].zfill(6 if len(clock[0]) > 4 else 4)  # noqa: PLR2004 - 930 is 09:30
            clock = [digits[at : at + 2] for at in range(0, len(digits), 2)]
        if not all(text.isdecimal() for text in numbers[1:]):
            return " ".join(texts)
        if not clock:
            return date
        return f"{date} {':'.join(f'{part:0>2}' for part in (*clock, '00')[: max(2, len(clock))])}"


def parse_time(text: str, pattern: str | None = None, order: Order | None = None) -> datetime:
    """Return the time written in `text`, aware only if the text has an offset.

    It accepts ISO 8601 with its usual relaxations, dates with the year first or with the month's name,
    dates in
    Korean, digits without separators (`202601151030`), clocks of 12 or 24 hours (24:00 ends a day), and
    Unix time
    in s, ms, µs or ns (distinguished by the number of digits). `16/12/2025` needs `order`; any other notation
    needs `pattern`.

    Raises:
        TimeError: The text is not a time in these notations.
    """
    if not text:
        raise TimeError("empty")
    if not text.isascii():
        text = _SPACE.sub(" ", text)
    if pattern is not None:
        return _from_pattern(text, pattern)
    try:
        if text[4:5] == "-":
            return _from_iso(text, order)
        digits = _from_digits(text) if "." in text or text.lstrip("+-").isdecimal() else None
        return digits or _from_text(text, order)
    except TimeError:
        raise
    except ValueError as error:
        raise TimeError("not a time") from error


def is_clock(text: str) -> bool:
    """Return whether a cell holds a time of day, such as `17:24`, `5:24 PM` or `오후 5:24`."""
    found = _CLOCK_ONLY.fullmatch(text.strip())
    return found is not None and found["hour4"] is None


def is_integer(text: str) -> bool:
    """Return whether a cell holds a small whole number, such as an hour; `17.0` is one."""
    return _INTEGER.fullmatch(text.strip()) is not None


def find_order(text: str) -> Order | None:
    """Return the order of day and month that a date such as `16/12/2025` shows; None if it shows none."""
    found = _DAY_MONTH.search(text)
    if found is None:
        return None
    one, two = int(found[1]), int(found[3])
    if one > _NOON >= two:
        return "dmy"
    return "mdy" if two > _NOON >= one else None


def has_day_and_month(text: str) -> bool:
    """Return whether a text begins with a date whose order of day and month numbers alone do not tell."""
    return _DAY_MONTH.match(text.strip()) is not None


def suggest_formats(text: str) -> list[str]:
    """Return patterns that could read a text: with day and month in either order, or with a zone's name."""
    found = _DAY_MONTH.match(text.strip())
    zone = _ZONE_NAME.search(text.strip())
    if zone and "T" not in text[: zone.start()] and text[4:5] in "-/":
        seconds = ":%S" if text.count(":") > 1 else ""
        return [f"%Y{text[4]}%m{text[4]}%d %H:%M{seconds} {zone[1]}"]
    named = _NAMED_MONTH.match(text.strip())
    if named:
        return [f"%d{named[1]}%b{named[1]}%y{_clock_format(text.strip()[named.end() :])}"]
    if found is None:
        return []
    sign, year = found[2], "%Y" if len(found[4]) == 4 else "%y"  # noqa: PLR2004 - digits of a year
    rest = text.strip()[found.end() :]
    clock = _clock_format(rest)
    orders = {"dmy": f"%d{sign}%m{sign}{year}", "mdy": f"%m{sign}%d{sign}{year}"}
    known = find_order(text)
    return [date + clock for order, date in orders.items() if known in (None, order)]


def _clock_format(rest: str) -> str:
    """Return the pattern of what stands behind a date."""
    marker = next((word for word in ("PM", "AM", "오전", "오후") if word in rest.upper()), None)
    hour, colons = "%H" if marker is None else "%I", rest.count(":")
    clock = f" {hour}:%M" + (":%S" if colons > 1 else "") if colons else ""
    clock += ".%f" if "." in rest and colons > 1 else ""
    return clock + (" %p" if marker else "")


def _from_pattern(text: str, pattern: str) -> datetime:
    if "%p" in pattern:
        text = text.replace("오전", "AM").replace("오후", "PM")
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is the caller's to give
    except ValueError as error:
        raise TimeError(f"not a time written {pattern}") from error


def _from_iso(text: str, order: Order | None) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _from_text(text, order)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _clock_of_day(day: datetime, text: str) -> datetime:
    found = _CLOCK_ONLY.fullmatch(text)
    if found is None:
        raise TimeError("not a time of day")
    moment = _assemble((day.year, day.month, day.day), _clock(found), _fraction(text))
    return moment.replace(tzinfo=day.tzinfo)


def _fraction(clock: str) -> int:
    found = None if clock.count(".") > 1 else _FRACTION.search(clock)
    return _microseconds(found[1] or found[2]) if found else 0


def _number(text: str) -> float:
    try:
        number = float(text.replace(",", "."))
    except ValueError as error:
        raise TimeError("not a number") from error
    if not math.isfinite(number):
        raise TimeError("not a number")
    return number


def _from_digits(text: str) -> datetime | None:
    """Return the time that digits write: a date without separators, else Unix time, else None."""
    compact = _COMPACT.fullmatch(text)
    if compact is not None and int(compact[1]) in _COMPACT_YEARS:
        return _from_compact(compact)
    return _from_epoch(text) if _EPOCH.fullmatch(text) else None


def _from_compact(found: re.Match[str]) -> datetime:
    *parts, millisecond, fraction = found.groups()
    if fraction is not None and fraction.strip(".0") and (parts[5] is None or millisecond is not None):
        raise TimeError("not a time")
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    microsecond = int(millisecond or 0) * 1000 + _microseconds((fraction or ".")[1:])
    return _assemble((year, month, day), (hour, minute, second), microsecond)


def _from_text(text: str, order: Order | None) -> datetime:
    found = _TIME.fullmatch(text)
    if found is None:
        raise TimeError(_why_not(text))
    clock, microsecond = (0, 0, 0), 0
    if found["clock"]:
        clock = _clock(found)
        microsecond = _fraction(found["clock"])
    moment = _assemble(_date(found, order), clock, microsecond)
    offset = found["offset"]
    return moment if offset is None else moment.replace(tzinfo=_zone(offset))


def _why_not(text: str) -> str:
    name = _ZONE_NAME.search(text)
    if name and name[1] not in _NAMED_OFFSETS and _TIME.fullmatch(text[: -len(name[1])].strip()):
        return f"the zone {name[1]} could be several: name it with --time-zone"
    return "not a time"


def _date(found: re.Match[str], order: Order | None) -> tuple[int, int, int]:
    for suffix in ("", "8"):
        if found[f"year{suffix}"]:
            return int(found[f"year{suffix}"]), int(found[f"month{suffix}"]), int(found[f"day{suffix}"])
    for suffix in ("4", "5"):
        if found[f"year{suffix}"]:
            name = found[f"name{suffix}"][:3].lower()
            if name not in _MONTHS:
                raise TimeError("not a time")
            return int(found[f"year{suffix}"]), _MONTHS.index(name) + 1, int(found[f"day{suffix}"])
    if order is None:
        raise TimeError("day and month in unknown order")
    one, two = int(found["one"]), int(found["two"])
    return int(found["year3"]), *((two, one) if order == "dmy" else (one, two))


def _clock(found: re.Match[str]) -> tuple[int, int, int]:
    hour = int(found["hour"] or found["hour3"] or found["hour4"] or found["hour12"])
    minute = int(found["minute"] or found["minute3"] or found["minute4"] or 0)
    second = int(found["second"] or found["second3"] or found["second4"] or 0)
    marker = found["before"] or found["after"]
    if marker:
        if hour > _NOON or (found["before"] and found["after"]):
            raise TimeError("not a clock of twelve hours")
        hour = hour % _NOON + (_NOON if marker == "오후" or marker[0] in "Pp" else 0)
    return hour, minute, second


def _assemble(date: tuple[int, int, int], clock: tuple[int, int, int], microsecond: int) -> datetime:
    """Return a time; 24:00 ends its day, and a leap second is the second after it."""
    hour, minute, second = clock
    later = timedelta()
    if hour == _DAY_END and minute == second == microsecond == 0:
        hour, later = 0, timedelta(days=1)
    if second == _LAST_SECOND:
        second, later = 59, timedelta(seconds=1)
    return datetime(*date, hour, minute, second, microsecond) + later  # noqa: DTZ001 - the zone is the caller's to give


def _zone(text: str) -> timezone:
    named = _NAMED_OFFSETS.get(text)
    if named is not None:
        return UTC if named == 0 else timezone(timedelta(hours=named))
    sign, hours, minutes = re.fullmatch(r"\D*([+-])(\d{1,2}):?(\d\d)?", text).groups()  # type: ignore[union-attr]
    distance = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if distance >= timedelta(days=1):
        raise TimeError("not an offset from UTC")
    return timezone(-distance if sign == "-" else distance)


def _microseconds(fraction: str) -> int:
    return int(f"{fraction:0<6}"[:6])


def _from_epoch(text: str) -> datetime:
    whole, _, fraction = text.partition(".")
    digits = len(whole.lstrip("+-"))
    per_second = next(unit for least, unit in _LEAST_DIGITS_PER_UNIT if digits >= least)
    seconds, rest = divmod(int(whole), per_second)
    microseconds = rest * 1_000_000 // per_second
    if per_second == 1 and fraction:
        microseconds = _microseconds(fraction)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=microseconds)
