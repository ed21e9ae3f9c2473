"""Finds which columns of a recording hold times, machines, metrics and values."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import TypeVar

from vfactory.client.replay.reading.choices import (
    ChoiceError,
    Choices,
    RecordingError,
    clean,
    find_column,
    listed,
)
from vfactory.client.replay.reading.decode import find_garbled
from vfactory.client.replay.reading.dialect import holds_values
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
from vfactory.client.replay.reading.values import ValueReader, is_number, looks_measured

LONGEST_METRIC = 100
_TIME_WORDS = frozenset(
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
_MACHINES = frozenset(
    "machine unit device sensor station equipment tag channel 설비 장비 호기 기계 센서 채널".split()  # noqa: SIM905
)
_INFLUX = frozenset({"result", "table", "_start", "_stop"})
"""Columns that InfluxDB adds to each answer."""
Rows = Sequence[Sequence[str]]
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout by which the recording is read; nothing is guessed after it.

    Args:
        names: The columns' names, in Unicode's form NFC and trimmed; empty where there is none.
        times: The index of the cell with the time, or of those with its parts.
        notation: How the time is written.
        metrics: (cell index, metric name) of each column of numbers; of a long table, only the column of
            values.
        left_out: Column name → the reason why it is not sent.
        labels: The columns that may name a machine or a metric, and that nobody asked to leave out.
        clock: Columns that seem to hold the times of day, but are no part of the time.
        source: The column that names the machine.
        metric: The column that names the metric of a long table.
        unknown_excludes: Names given to `--exclude` that are not columns; only `--force` sends such a file.
    """

    names: tuple[str, ...]
    times: tuple[int, ...]
    notation: Notation
    metrics: tuple[tuple[int, str], ...]
    left_out: dict[str, str] = field(default_factory=dict)
    labels: tuple[int, ...] = ()
    clock: tuple[int, ...] = ()
    source: int | None = None
    metric: int | None = None
    unknown_excludes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return len(self.names)

    @property
    def time_name(self) -> str:
        """The name of the column of times, or the names of its parts."""
        return " ".join(self.names[index] for index in self.times).strip()

    def label(self, index: int) -> str:
        """Return a column's name, or its place if it has none."""
        return self.names[index] or f"#{index + 1}"


class Columns:
    """The columns of a recording, looked at through its first rows.

    Args:
        header: The names of the columns, as written.
        rows: The cells of the first rows.
        choices: The user's options about the file.
        annotated: Whether it is InfluxDB's annotated CSV, a long table with known names.
        every_row: Gives all rows of the file, for what the first ones do not decide.
    """

    def __init__(
        self,
        header: Sequence[str],
        rows: Rows,
        choices: Choices,
        *,
        annotated: bool = False,
        every_row: Callable[[], Iterable[Sequence[str]]] | None = None,
    ) -> None:
        names = [clean(name) for name in header]
        longer = sum(len(cells) == len(names) + 1 and bool(cells[-1].strip()) for cells in rows)
        self._rows_are_named = longer * 2 > len(rows)
        self.names = ["", *names] if self._rows_are_named else names  # R names rows, but not their names
        self.rows = [row for row in rows if len(row) >= len(self.names)]
        self._choices = choices
        self._values = ValueReader(choices.decimal, choices.thousands, choices.missing, choices.strip)
        self._annotated = annotated
        self._every_row = every_row

    def layout(self) -> Layout:
        """Return the layout.

        Raises:
            RecordingError: A column cannot be read, or no column holds times or numbers.
            ChoiceError: An option names no column, or contradicts another.
        """
        choices, names = self._choices, self.names
        if not any(names):
            raise RecordingError(
                "the first line must name the columns, but is blank; --skip-lines or --names"
            )
        if holds_values([name for name in names if name]) and not choices.names:
            raise RecordingError(
                "the first line must name the columns, but it holds values; give the names: --names "
                "time,level"
            )
        excluded, unknown = self._excluded()
        source, metric, value = self._long(excluded)
        times, notation = self._find_time(excluded | {i for i in (source, metric, value) if i is not None})
        used = {*times, *excluded} | {i for i in (source, metric) if i is not None}
        if self._annotated:
            used |= {index for index, name in enumerate(names) if name in _INFLUX}
        renamed = {find_column(names, old, "--column"): new for old, new in choices.columns.items()}
        metrics, left_out = self._find_metrics(used, value, renamed)
        reasons = {names[i] or f"(column {i + 1})": "excluded" for i in sorted(excluded)}
        reasons |= {
            names[i] or f"(column {i + 1})": why
            for i, why in left_out.items()
            if names[i] or any(cell.strip() for cell in self._cells(i))
        }
        self._check_names([(i, name) for i, name in metrics], long=value is not None)
        if not metrics:
            raise RecordingError(self._no_metrics(reasons))
        return Layout(
            tuple(names),
            times,
            notation,
            tuple(metrics),
            reasons,
            tuple(i for i in range(len(names)) if i not in used | {value} and self._is_label(i)),
            self._find_clock(times, {i for i in (source, metric, value) if i is not None}),
            source,
            metric,
            unknown,
        )

    def _excluded(self) -> tuple[set[int], tuple[str, ...]]:
        """Return the columns to leave out; a name leaves out every column of that name."""
        excluded: set[int] = set()
        unknown = []
        for given in self._choices.exclude:
            same = {index for index, name in enumerate(self.names) if name == clean(given) != ""}
            try:
                excluded |= same or {find_column(self.names, given, "--exclude")}
            except ChoiceError:
                unknown.append(given)
        return excluded, tuple(unknown)

    def _long(self, excluded: set[int]) -> tuple[int | None, int | None, int | None]:
        choices = self._choices
        given = {
            "--source-column": choices.source_column,
            "--metric-column": choices.metric_column,
            "--value-column": choices.value_column,
        }
        if self._annotated and {"_field", "_value"} <= set(self.names):
            given["--metric-column"] = given["--metric-column"] or "_field"
            given["--value-column"] = given["--value-column"] or "_value"
        found = {
            option: None if name is None else find_column(self.names, name, option)
            for option, name in given.items()
        }
        for option, index in found.items():
            if index is not None and index in excluded:
                raise ChoiceError(f"{option} {given[option]!r} is also excluded")
        chosen = [index for index in found.values() if index is not None]
        if len(chosen) != len(set(chosen)):
            raise ChoiceError(
                f"{', '.join(option for option, i in found.items() if i is not None)} must differ"
            )
        return found["--source-column"], found["--metric-column"], found["--value-column"]

    # Times

    def _find_time(self, others: set[int]) -> tuple[tuple[int, ...], Notation]:
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
        is_named = any(_words(name) & _TIME_WORDS for name in self.names)
        if self._rows_are_named and times == (0,) and is_named:
            raise RecordingError(
                "the rows have one cell more than the names; if their numbers have a decimal comma, write a "
                "semicolon between the cells, or name every column: --skip-lines 1 --names time,…"
            )

    def _chosen_time(self, others: set[int]) -> tuple[tuple[int, ...], Notation]:
        given = self._choices.time_columns
        indexes = tuple(find_column(self.names, name, "--time-column") for name in given)
        for name, index in zip(given, indexes, strict=True):
            if index in others or indexes.count(index) > 1:
                raise ChoiceError(f"--time-column {name!r} is also excluded, or used twice")
        notation = self._notation(indexes) or self._notation(indexes, least=1)
        if notation is None:
            raise RecordingError(self._no_time(set(range(len(self.names))) - set(indexes)))
        return indexes, notation

    def _time_candidates(self, others: set[int]) -> Iterator[tuple[int, ...]]:
        """Yield the columns that may hold the time and those that complete it, the likeliest first."""
        free = [index for index in range(len(self.names)) if index not in others]
        named = [index for index in free if _words(self.names[index]) & _TIME_WORDS]
        if self._choices.begin is not None and self._choices.time_format is None:
            yield from ((index,) for index in free if self._mostly(is_clock, index))
        if self._choices.time_format in {EXCEL, *COUNTED} or self._choices.begin is not None:
            yield from ((index,) for index in named)
            return
        # A serial number looks like Unix time: a column of numbers is a time only by its name.
        unnamed = [i for i in free if i not in named and not self._mostly(is_number, i)]
        for index in [*named, *unnamed]:
            if self._mostly(_is_date, index):
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
        for index in sorted(others, key=lambda index: not _words(self.names[index]) & _TIME_WORDS):
            if self._mostly(is_clock, index):
                return (index,)
        hour = self._integers(_HOURS, others, _MOST_HOURS)
        if hour is not None:
            return self._with_minutes(hour, others)
        whole = self._integers(_TIME_WORDS | {"hhmm", "hhmmss"}, others)
        return () if whole is None or not self._is_compact_clock(whole) else (whole,)

    def _with_minutes(self, hour: int, free: Sequence[int]) -> tuple[int, ...]:
        minute = self._integers(_MINUTES, free, _MOST_MINUTES)
        if minute is None or (_words(self.names[minute]) == {"min"} and "max" in self.names):
            return (hour,)
        second = self._integers(_SECONDS, free, _MOST_MINUTES + 1)
        return (hour, minute) if second is None else (hour, minute, second)

    def _integers(self, words: frozenset[str], free: Sequence[int], most: int = 235_959) -> int | None:
        """Return the column with such a name that holds whole numbers from 0 to `most`, and nothing else."""
        for index in free:
            cells = [cell for cell in self._cells(index) if cell.strip()]
            if not (_words(self.names[index]) & words and cells and all(map(is_integer, cells))):
                continue
            if max(float(cell) for cell in cells) <= most:
                return index
        return None

    def _is_compact_clock(self, index: int) -> bool:
        numbers = [int(float(cell)) for cell in self._cells(index) if cell.strip()]
        return max(numbers, default=0) > _MOST_HOURS and all(
            number % 100 <= _MOST_MINUTES and number // 100 % 100 <= _MOST_MINUTES for number in numbers
        )

    def _notation(self, indexes: tuple[int, ...], least: int | None = None) -> Notation | None:
        """Return the notation that reads most first rows of these columns, or `least` of them."""
        rows = [[row[index] for index in indexes] for row in self.rows]
        rows = [cells for cells in rows if any(cell.strip() for cell in cells)]
        for shape in self._shapes(indexes):
            notation = Notation(self._choices.time_format, None, shape, self._choices.begin)
            by_numbers = notation.pattern is None and notation.begin is None
            if by_numbers and _most(rows, lambda cells: has_day_and_month(cells[0])):
                notation = Notation(None, self._order(indexes), shape)
            read = sum(_reads(notation, cells) for cells in rows)
            if read >= (len(rows) // 2 + 1 if least is None else least):
                return notation
        return None

    def _shapes(self, indexes: tuple[int, ...]) -> Iterator[Shape]:
        if len(indexes) > 2 and all(self._mostly(is_integer, index) for index in indexes):  # noqa: PLR2004 - a date
            yield "year month day"
        if len(indexes) == 2 and self._mostly(is_integer, indexes[1]) and self._is_compact_clock(indexes[1]):  # noqa: PLR2004
            yield "compact clock"
        if len(indexes) > 1 and all(self._mostly(is_integer, index) for index in indexes[1:]):
            yield "numbers"
        yield "text"

    def _order(self, indexes: tuple[int, ...]) -> Order:
        """Return the order of day and month that numbers above 12 show anywhere in the file."""
        rows = self.rows if self._every_row is None else self._every_row()
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
            " ".join(row[index].strip() for index in indexes) for row in self.rows if row[first].strip()
        )
        formats = " or ".join(f"--time-format '{pattern}'" for pattern in suggest_formats(example))
        why = (
            "may be day and month or month and day" if not orders else "mix day and month with month and day"
        )
        raise RecordingError(f"the times in {self._label(indexes)} ({example!r}) {why}; say which: {formats}")

    def _find_clock(self, times: tuple[int, ...], others: set[int]) -> tuple[int, ...]:
        """Return the columns that seem to complete the date in `times`, and are no part of it."""
        free = [index for index in range(len(self.names)) if index not in others]
        parts = self._clock_parts(times[0], free) if self._mostly(_is_date, times[0]) else ()
        if len(times) == 1 and not parts and self._mostly(_is_date, times[0]):
            return tuple(i for i in free if i not in times and self._mostly(_holds_clock, i))[:1]
        return tuple(part for part in parts if part not in times) if set(times[1:]) <= set(parts) else ()

    def _no_time(self, others: set[int]) -> str:
        free = [index for index in range(len(self.names)) if index not in others]
        named = [index for index in free if _words(self.names[index]) & _TIME_WORDS] or free
        shown = [(index, cell) for index in named for cell in self._cells(index)[:1]][:3]
        cells = ", ".join(f"{self._label((index,))} ({cell.strip()[:40]!r})" for index, cell in shown)
        pattern = next(
            (found[0] for _, cell in shown if (found := suggest_formats(cell))), "%d.%m.%Y %H:%M:%S"
        )
        clock = next((index for index in free if self._mostly(is_clock, index)), None)
        if clock is not None:
            return (
                f"column {self._label((clock,))!r} holds times of day, but no column holds a date; the day "
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
            f"none of the columns {listed([self.names[i] for i in free])} holds times in a known notation: "
            f"{cells}; "
            "name the column with --time-column (once for each part), and its notation with --time-format "
            f"'{pattern}'"
        )

    # Metrics

    def _find_metrics(
        self, used: set[int], value: int | None, renamed: dict[int, str]
    ) -> tuple[list[tuple[int, str]], dict[int, str]]:
        if value is not None:
            why = self._why_left_out(value, self.names[value] or f"#{value + 1}")
            return ([], {value: why}) if why else ([(value, self.names[value])], {})
        metrics, left_out = [], {}
        for index, name in enumerate(self.names):
            if index in used:
                continue
            metric = renamed.get(index, name)
            why = self._why_left_out(index, metric)
            if why:
                left_out[index] = why
            else:
                metrics.append((index, metric))
        return metrics, left_out

    def _why_left_out(self, index: int, name: str) -> str | None:
        cells = [cell for cell in self._cells(index) if not self._values.is_missing(cell)]
        if not name:
            return "it has no name"
        if not cells or any(map(self._values.is_number, cells)):
            return None
        text = f"text, not numbers (such as {cells[0].strip()[:20]!r})"
        hint = self._values.hint(cells)
        if hint is None and _most(cells, looks_measured) and not _most(cells, _is_any_time):
            beside = cells[0].strip().lstrip("0123456789+-., '").strip() or cells[0].strip()[0]
            hint = f"take what stands beside the number away: --strip {beside!r}"
        if hint:
            raise RecordingError(f"column {name!r} holds {text}: {hint}, or leave it out: --exclude {name!r}")
        return text

    def _is_label(self, index: int) -> bool:
        """Return whether a column may name a machine or a metric, by words or by numbers."""
        if self._mostly(_is_any_time, index):
            return False
        if self._mostly(is_integer, index):
            return bool(_words(self.names[index]) & _MACHINES)
        return self._mostly(lambda cell: not self._values.is_number(cell), index) and any(self._cells(index))

    def _check_names(self, metrics: Sequence[tuple[int, str]], *, long: bool) -> None:
        if long:
            return
        sent = [name for _, name in metrics]
        twice = sorted({name for name in sent if sent.count(name) > 1})
        if twice:
            index = next(i for i, name in metrics if name == twice[0])
            raise RecordingError(
                f"more than one column is called {listed(twice)}; rename or --exclude it, by its place: "
                f"--column '#{index + 1}=NAME'"
            )
        for index, name in metrics:
            if len(name) > LONGEST_METRIC:
                raise RecordingError(
                    f"column {name[:30]!r}… has a name of {len(name)} characters; a metric's name may have "
                    f"{LONGEST_METRIC}: --column '#{index + 1}=NAME'"
                )
            before = find_garbled(name)
            if before is not None and not self._choices.force:
                raise RecordingError(
                    f"the name {name!r} looks garbled; it was {before!r} once. Name it: "
                    f"--column '#{index + 1}={before}', or send it as it is with --force"
                )

    def _no_metrics(self, left_out: dict[str, str]) -> str:
        reasons = (
            "; ".join(f"{name}: {why}" for name, why in left_out.items()) or "there is only a time column"
        )
        return f"no column holds numbers ({reasons})"

    def _label(self, indexes: Sequence[int]) -> str:
        return " and ".join(self.names[index] or f"#{index + 1}" for index in indexes)

    def _cells(self, index: int) -> list[str]:
        return [row[index] for row in self.rows]

    def _mostly(self, test: Callable[[str], bool], index: int) -> bool:
        """Return whether more than half of a column's filled cells pass the test."""
        return _most([cell for cell in self._cells(index) if cell.strip()], test)


def _most(items: Sequence[_Item], test: Callable[[_Item], bool]) -> bool:
    return sum(map(test, items)) * 2 > len(items)


def _words(name: str) -> set[str]:
    """Return the words of a name, without what stands in brackets: `Time (UTC)` → time."""
    outside = re.sub(r"[(\[].*?[)\]]", " ", name.lower())
    return {word for word in re.split(r"[\W_]+", outside) if word}


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


def _is_any_time(cell: str) -> bool:
    return has_day_and_month(cell) or _reads(Notation(), [cell]) or is_clock(cell)


def _reads(notation: Notation, cells: Sequence[str]) -> bool:
    try:
        notation.parse(cells)
    except (TimeError, OverflowError):
        return False
    return True
