"""Detects the layout of a recording: its delimiter, its time column and its metric columns."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from vfactory.client.replay.dialect import LOOK_AT, find_encoding, named_delimiter, sniff_delimiter
from vfactory.client.replay.lines import LineFile, Record, RecordingError
from vfactory.client.replay.times import TimeError, parse_time

_TIME_NAMES = frozenset({"datetime", "timestamp", "time", "date", "ts", "at", "date_time", "시간", "일시"})
_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "inf", "-inf"})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?([+-]\d{2}:?\d{2}|Z)?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+", re.ASCII)
LONGEST_METRIC = 100


@dataclass(frozen=True, slots=True)
class Choices:
    """The user's options about the file; None means: detect it."""

    delimiter: str | None = None
    time_column: str | None = None
    exclude: Sequence[str] = ()
    time_format: str | None = None
    encoding: str | None = None
    decimal: str = "."


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout by which the recording is read; nothing is guessed after it."""

    delimiter: str
    encoding: str
    width: int
    times: tuple[int, ...]
    """The index of the cell with the time, or of those with the date and the time of day."""
    time_name: str
    metrics: tuple[tuple[int, str], ...]
    """(cell index, metric name); the name is that of the header, unchanged."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Column name → the reason why it is not sent."""
    unknown_excludes: tuple[str, ...] = ()
    """Names given to `--exclude` that are not columns: meant for other files, or mistyped."""


def is_number(cell: str) -> bool:
    """Return whether a cell holds only a decimal number, in ASCII digits with a point."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def is_missing(cell: str) -> bool:
    """Return whether a cell means that nothing was measured: it is blank, or one of the usual words."""
    return cell.strip().lower() in _MISSING


def find_layout(path: Path, choices: Choices) -> Layout:
    """Return the layout detected in the first lines of the file.

    Raises:
        RecordingError: The file cannot be opened, is empty, has no header, or contradicts a choice.
    """
    try:
        encoding = choices.encoding or find_encoding(path)
        given = choices.delimiter
        delimiter = named_delimiter(given) if given else sniff_delimiter(path, encoding)
        header, sample = _first_records(path, delimiter, encoding)
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror or error}") from error
    except (LookupError, UnicodeError) as error:
        raise RecordingError(f"cannot read {path} as {choices.encoding}: {error}") from error
    names = [name.strip("\ufeff") for name in header.cells]
    _check_header(names, choices)
    rows = [record.cells for record in sample if len(record.cells) >= len(names)]
    times = _find_time(names, rows, choices)
    metrics, left_out = _find_metrics(names, rows, times, choices)
    if not metrics:
        raise RecordingError(_no_metrics(left_out, rows))
    return Layout(
        delimiter=delimiter,
        encoding=encoding,
        width=len(names),
        times=times,
        time_name=" ".join(names[index] for index in times),
        metrics=tuple(metrics),
        left_out=left_out,
        unknown_excludes=tuple(name for name in choices.exclude if name not in names),
    )


def _first_records(path: Path, delimiter: str, encoding: str) -> tuple[Record, list[Record]]:
    with LineFile(path, delimiter=delimiter, encoding=encoding) as file:
        records = list(islice(file.records(), LOOK_AT + 1))
    if not records:
        raise RecordingError(f"{path} holds no lines")
    return records[0], records[1:]


def _check_header(names: list[str], choices: Choices) -> None:
    _check_time_column(names, choices)
    named = [name for name in names if name.strip()]
    if any(_is_time(name, None) for name in named) or all(is_number(name) for name in named):
        raise RecordingError("the first line must name the columns, but it holds values")
    sent = [name for name in names if name.strip() and name not in choices.exclude]
    twice = sorted({name for name in sent if sent.count(name) > 1})
    if twice:
        raise RecordingError(f"more than one column is called {_listed(twice)}; rename or --exclude it")


def _check_time_column(names: list[str], choices: Choices) -> None:
    name = choices.time_column
    if name is not None and name not in names:
        message = f"--time-column {name!r} is not a column of the file; its columns: {_listed(names)}"
        raise RecordingError(message)
    if name is not None and name in choices.exclude:
        raise RecordingError(f"--time-column {name!r} is also excluded")


def _find_time(names: list[str], rows: list[list[str]], choices: Choices) -> tuple[int, ...]:
    if choices.time_column is not None:
        return (names.index(choices.time_column),)
    candidates = [index for index, name in enumerate(names) if name not in choices.exclude]
    by_name = [index for index in candidates if names[index].strip().lower() in _TIME_NAMES]
    # A serial number looks like Unix time: a column of numbers is a time only by its name.
    others = [i for i in candidates if i not in by_name and not _mostly(is_number, rows, i)]
    for index in [*by_name, *others]:
        if _mostly(lambda cell: _is_time(cell, choices.time_format), rows, index):
            return _with_clock(index, [*by_name, *others], rows)
    raise RecordingError(
        f"none of the columns {_listed(names)} holds times in a known notation; "
        "name one with --time-column, and its notation with --time-format '%d.%m.%Y %H:%M:%S'"
    )


def _with_clock(index: int, candidates: list[int], rows: list[list[str]]) -> tuple[int, ...]:
    """Return the time column, followed by the column with the time of day if the first holds only dates."""
    if _mostly(lambda cell: ":" not in cell and not is_number(cell), rows, index):
        for other in candidates:
            if _mostly(lambda cell: _CLOCK.fullmatch(cell.strip()) is not None, rows, other):
                return index, other
    return (index,)


def _find_metrics(
    names: list[str], rows: list[list[str]], times: tuple[int, ...], choices: Choices
) -> tuple[list[tuple[int, str]], dict[str, str]]:
    metrics: list[tuple[int, str]] = []
    left_out: dict[str, str] = {}
    for index, name in enumerate(names):
        if index in times:
            continue
        why = _why_left_out(name, [row[index] for row in rows], choices)
        if why:
            left_out[name or f"(column {index + 1})"] = why
        else:
            metrics.append((index, name))
    return metrics, left_out


def _why_left_out(name: str, cells: list[str], choices: Choices) -> str | None:
    if name in choices.exclude:
        return "excluded"
    if not name.strip():
        return "it has no name"
    filled = [cell.replace(choices.decimal, ".") for cell in cells if not is_missing(cell)]
    if filled and not any(is_number(cell) for cell in filled):
        return f"text, not numbers (such as {filled[0][:20]!r})"
    if len(name) > LONGEST_METRIC:
        length = f"{len(name)} characters; a metric's name may have {LONGEST_METRIC}"
        raise RecordingError(f"column {name[:30]!r}… has a name of {length}")
    return None


def _no_metrics(left_out: dict[str, str], rows: list[list[str]]) -> str:
    reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items()) or "there is only a time column"
    hint = ""
    if any(_COMMA_NUMBER.fullmatch(cell.strip()) for row in rows for cell in row):
        hint = ". Numbers written 0,5 need --decimal ,"
    return f"no column holds numbers ({reasons}){hint}"


def _is_time(cell: str, pattern: str | None) -> bool:
    try:
        parse_time(cell.strip(), pattern)
    except TimeError:
        return False
    return True


def _mostly(test: Callable[[str], bool], rows: list[list[str]], index: int) -> bool:
    """Return whether more than half of a column's filled cells pass the test."""
    cells = [row[index] for row in rows if row[index].strip()]
    return sum(test(cell) for cell in cells) * 2 > len(cells)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
