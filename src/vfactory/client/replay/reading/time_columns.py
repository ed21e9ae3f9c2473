"""Finds which columns of a recording make up the time, and how it is written."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import time

from vfactory.client.replay.reading.choices import (
    ChoiceError,
    Choices,
    RecordingError,
    find_column,
    listed,
)
from vfactory.client.replay.reading.notation import (
    COUNTED,
    EXCEL,
    MIDNIGHT,
    Notation,
    Order,
    Shape,
    TimeError,
    find_order,
    has_day_and_month,
    is_clock,
    is_integer,
    suggest_formats,
)
from vfactory.client.replay.reading.sample import Sample, most, name_words
from vfactory.client.replay.reading.values import is_number

TIME_WORDS = frozenset(
    (  # noqa: SIM905 - read as words
        "datetime timestamp time date ts at utc unix epoch unixtime datum zeit zeitstempel fecha hora heure "
        "시간 일시 시각 날짜 일자 측정일시 측정시간 측정시각 측정일 수집시간 기록시간"
    ).split()
)
_HOURS = frozenset({"hour", "hours", "hr", "hh", "h", "시", "시간", "time"})
_MINUTES = frozenset({"minute", "minutes", "min", "mm", "mi", "분"})
_SECONDS = frozenset({"second", "seconds", "sec", "ss", "s", "초"})
_YEARS = frozenset({"year", "yyyy", "yr", "년", "연도", "년도"})
_MONTHS = frozenset({"month", "mon", "mo", "mm", "월"})
_DAYS = frozenset({"day", "dd", "mday", "일"})
_CLOCK = re.compile(r"(?<!\d)[0-2]?\d:[0-5]\d(?!\d)")
_MOST_HOURS, _MOST_MINUTES = 24, 59


class TimeColumns:
    """The columns of a recording that may make up its time.

    Args:
        sample: The first rows.
        choices: The user's options about the file.
        every_row: Gives all rows of the file, for what the first ones do not decide.
    """

    def __init__(
        self,
        sample: Sample,
        choices: Choices,
        every_row: Callable[[], Iterable[Sequence[str]]] | None = None,
    ) -> None:
        self._sample = sample
        self._choices = choices
        self._every_row = every_row

    def find(self, others: set[int]) -> tuple[tuple[int, ...], Notation]:
        """Return the column of the time, or those of its parts, and how the time is written.

        Args:
            others: Columns that hold something else.

        Raises:
            RecordingError: No column holds times, or the order of day and month is not known.
            ChoiceError: `--time-column` names a column that is none, or holds something else.
        """
        if self._choices.time_columns:
            return self._chosen_time(others)
        for indexes in self._time_candidates(others):
            notation = self._notation(indexes)
            if notation is not None:
                self._check_row_names(indexes)
                return indexes, notation
        raise RecordingError(self._no_time(others))

    def _check_row_names(self, times: tuple[int, ...]) -> None:
        """Refuse a time in the column of row names if another column is named after the time."""
        is_named = any(name_words(name) & TIME_WORDS for name in self._sample.names)
        if self._sample.rows_are_named and times == (0,) and is_named:
            raise RecordingError(
                "the rows have one cell more than the names; if their numbers have a decimal comma, write a "
                "semicolon between the cells, or name every column: --skip-lines 1 --names time,…"
            )

    def _chosen_time(self, others: set[int]) -> tuple[tuple[int, ...], Notation]:
        given = self._choices.time_columns
        indexes = tuple(find_column(self._sample.names, name, "--time-column") for name in given)
        for name, index in zip(given, indexes, strict=True):
            if index in others or indexes.count(index) > 1:
                raise ChoiceError(f"--time-column {name!r} is also excluded, or used twice")
        notation = self._notation(indexes) or self._notation(indexes, least=1)
        if notation is None:
            raise RecordingError(self._no_time(set(range(len(self._sample.names))) - set(indexes)))
        return indexes, notation

    def _time_candidates(self, others: set[int]) -> Iterator[tuple[int, ...]]:
        """Yield the columns that may hold the time and those that complete it, the likeliest first."""
        free = [index for index in range(len(self._sample.names)) if index not in others]
        named = [index for index in free if name_words(self._sample.names[index]) & TIME_WORDS]
        if self._choices.begin is not None and self._choices.time_format is None:
            yield from ((index,) for index in free if self._sample.mostly(is_clock, index))
        if self._choices.time_format in {EXCEL, *COUNTED} or self._choices.begin is not None:
            yield from ((index,) for index in named)
            return
        # A serial number looks like Unix time: a column of numbers is a time only by its name.
        unnamed = [i for i in free if i not in named and not self._sample.mostly(is_number, i)]
        for index in [*named, *unnamed]:
            if self._sample.mostly(_is_date, index):
                parts = self._clock_parts(index, free)
                if parts:
                    yield (index, *parts)
        for index in [*named, *unnamed]:
            yield (index,)
        year, month, day = (self._integers(words, free) for words in (_YEARS, _MONTHS, _DAYS))
        if year is not None and month is not None and day is not None:
            hour = self._integers(_HOURS, free, _MOST_HOURS)
            yield (year, month, day, *(() if hour is None else self._with_minutes(hour, free)))

    def _clock_parts(self, date: int, free: Sequence[int]) -> tuple[int, ...]:
        """Return the columns of the time of day beside a date: one clock, or hour, minute and second."""
        others = [index for index in free if index != date]
        for index in sorted(others, key=lambda index: not name_words(self._sample.names[index]) & TIME_WORDS):
            if self._sample.mostly(is_clock, index):
                return (index,)
        hour = self._integers(_HOURS, others, _MOST_HOURS)
        if hour is not None:
            return self._with_minutes(hour, others)
        whole = self._integers(TIME_WORDS | {"hhmm", "hhmmss"}, others)
        return () if whole is None or not self._is_compact_clock(whole) else (whole,)

    def _with_minutes(self, hour: int, free: Sequence[int]) -> tuple[int, ...]:
        minute = self._integers(_MINUTES, free, _MOST_MINUTES)
        if minute is None or (
            name_words(self._sample.names[minute]) == {"min"} and "max" in self._sample.names
        ):
            return (hour,)
        second = self._integers(_SECONDS, free, _MOST_MINUTES + 1)
        return (hour, minute) if second is None else (hour, minute, second)

    def _integers(self, words: frozenset[str], free: Sequence[int], most: int = 235_959) -> int | None:
        """Return the column with such a name that holds whole numbers from 0 to `most`, and nothing else."""
        for index in free:
            cells = [cell for cell in self._sample.cells(index) if cell.strip()]
            if not (name_words(self._sample.names[index]) & words and cells and all(map(is_integer, cells))):
                continue
            if max(float(cell) for cell in cells) <= most:
                return index
        return None

    def _is_compact_clock(self, index: int) -> bool:
        numbers = [int(float(cell)) for cell in self._sample.cells(index) if cell.strip()]
        return max(numbers, default=0) > _MOST_HOURS and all(
            number % 100 <= _MOST_MINUTES and number // 100 % 100 <= _MOST_MINUTES for number in numbers
        )

    def _notation(self, indexes: tuple[int, ...], least: int | None = None) -> Notation | None:
        """Return the notation that reads most first rows of these columns, or `least` of them."""
        rows = [[row[index] for index in indexes] for row in self._sample.rows]
        rows = [cells for cells in rows if any(cell.strip() for cell in cells)]
        for shape in self._shapes(indexes):
            notation = Notation(self._choices.time_format, None, shape, self._choices.begin)
            by_numbers = notation.pattern is None and notation.begin is None
            if by_numbers and most(rows, lambda cells: has_day_and_month(cells[0])):
                notation = Notation(None, self._order(indexes), shape)
            read = sum(_reads(notation, cells) for cells in rows)
            if read >= (len(rows) // 2 + 1 if least is None else least):
                return notation
        return None

    def _shapes(self, indexes: tuple[int, ...]) -> Iterator[Shape]:
        numbers = [self._sample.mostly(is_integer, index) for index in indexes]
        if len(indexes) > 2 and all(numbers):  # noqa: PLR2004 - the parts of a date
            yield "year month day"
        if len(indexes) == 2 and numbers[1] and self._is_compact_clock(indexes[1]):  # noqa: PLR2004 - date and clock
            yield "compact clock"
        if len(indexes) > 1 and all(numbers[1:]):
            yield "numbers"
        yield "text"

    def _order(self, indexes: tuple[int, ...]) -> Order:
        """Return the order of day and month that numbers above 12 show anywhere in the file."""
        rows = self._sample.rows if self._every_row is None else self._every_row()
        first = indexes[0]
        orders: set[Order] = set()
        for row in rows:
            order = find_order(row[first]) if len(row) > first else None
            if order is not None:
                orders.add(order)
                if len(orders) > 1:
                    break
        if len(orders) == 1:
            return orders.pop()
        example = next(
            " ".join(row[index].strip() for index in indexes)
            for row in self._sample.rows
            if row[first].strip()
        )
        formats = " or ".join(f"--time-format '{pattern}'" for pattern in suggest_formats(example))
        why = (
            "may be day and month or month and day" if not orders else "mix day and month with month and day"
        )
        raise RecordingError(
            f"the times in {self._sample.label(indexes)} ({example!r}) {why}; say which: {formats}"
        )

    def find_clock(self, times: tuple[int, ...], others: set[int]) -> tuple[int, ...]:
        """Return the columns that seem to complete the date in `times`, and are no part of it."""
        free = [index for index in range(len(self._sample.names)) if index not in others]
        parts = self._clock_parts(times[0], free) if self._sample.mostly(_is_date, times[0]) else ()
        if len(times) == 1 and not parts and self._sample.mostly(_is_date, times[0]):
            return tuple(i for i in free if i not in times and self._sample.mostly(_holds_clock, i))[:1]
        return tuple(part for part in parts if part not in times) if set(times[1:]) <= set(parts) else ()

    def _no_time(self, others: set[int]) -> str:
        free = [index for index in range(len(self._sample.names)) if index not in others]
        named = [index for index in free if name_words(self._sample.names[index]) & TIME_WORDS] or free
        shown = [(index, cell) for index in named for cell in self._sample.cells(index)[:1]][:3]
        cells = ", ".join(f"{self._sample.label((index,))} ({cell.strip()[:40]!r})" for index, cell in shown)
        pattern = next(
            (found[0] for _, cell in shown if (found := suggest_formats(cell))), "%d.%m.%Y %H:%M:%S"
        )
        clock = next((index for index in free if self._sample.mostly(is_clock, index)), None)
        if clock is not None:
            return (
                f"column {self._sample.label((clock,))!r} holds times of day, but no column holds a date; "
                "the day "
                "is "
                "--begin 2026-01-15"
            )
        if shown and all(is_number(cell) for _, cell in shown):
            return (
                f"the times are numbers: {cells}. If they count seconds, --begin '2026-01-15 10:30:00' is "
                "the "
                "time of zero; if they are Excel's day numbers, --time-format excel; another column is "
                "named by "
                "--time-column"
            )
        if self._choices.time_format:
            return (
                f"no time is written {self._choices.time_format!r} in the columns {cells}; see --time-format"
            )
        return (
            f"none of the columns {listed([self._sample.names[i] for i in free])} holds times in a known "
            "notation: "
            f"{cells}; "
            "name the column with --time-column (once for each part), and its notation with --time-format "
            f"'{pattern}'"
        )


def _is_date(cell: str) -> bool:
    """Return whether a cell holds a date with no time of day, or with midnight."""
    text = MIDNIGHT.sub("", cell.strip())
    if has_day_and_month(text):
        return " " not in text
    try:
        moment = Notation().parse([text])
    except (TimeError, OverflowError):
        return False
    return moment.tzinfo is None and moment.time() == time()


def _holds_clock(cell: str) -> bool:
    """Return whether a cell holds something like `10:30`, also if it cannot be read, and no date."""
    return _CLOCK.search(cell) is not None and not _reads(Notation(), [cell.strip()])


def is_any_time(cell: str) -> bool:
    """Return whether a cell holds a time, a date or a time of day."""
    return has_day_and_month(cell) or _reads(Notation(), [cell]) or is_clock(cell)


def _reads(notation: Notation, cells: Sequence[str]) -> bool:
    try:
        notation.parse(cells)
    except (TimeError, OverflowError):
        return False
    return True
