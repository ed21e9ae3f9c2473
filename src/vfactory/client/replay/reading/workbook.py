"""Reads a sheet of a workbook (XLSX) row by row."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import IO, Any

from vfactory.client.replay.reading.choices import RecordingError
from vfactory.client.replay.reading.lines import Record
from vfactory.client.replay.reading.unpack import choose_part


@dataclass
class Sheet:
    """An open sheet.

    Args:
        rows: Gives the values of each row.
        skip: How many rows come before the table.
        tell: Gives the position in the file.
    """

    rows: Iterator[tuple[Any, ...]]
    skip: int
    tell: Callable[[], int]
    broken: list[tuple[int, str]] = field(default_factory=list)

    @property
    def bytes_read(self) -> int:
        """How much of the file has been read."""
        return self.tell()

    def records(self, width: int | None = None) -> Iterator[Record]:
        """Yield the rows that are not blank; missing cells at a row's end are blank."""
        for number, values in enumerate(self.rows, 1):
            if number <= self.skip:
                continue
            cells = [as_text(value) for value in values]
            while cells and not cells[-1].strip():
                cells.pop()
            if cells:
                yield Record(number, cells + [""] * ((width or 0) - len(cells)))


@contextmanager
def open_sheet(stream: IO[bytes], part: str | None, skip: int, tell: Callable[[], int]) -> Iterator[Sheet]:
    """Open the sheet called `part`, or the only one that is not empty.

    Raises:
        RecordingError: It is no workbook that can be read.
        ChoiceError: There is no such sheet, or there are several and none is named.
    """
    sheets = _sheets(stream)
    names = list(sheets) if part else [name for name, sheet in sheets.items() if _has_cells(sheet)]
    if not names:
        raise RecordingError("the workbook is empty, or its formulas were never computed")
    yield Sheet(_rows(sheets[choose_part(names, part, "sheets")]), skip, tell)


def _sheets(stream: IO[bytes]) -> dict[str, Any]:
    import openpyxl  # noqa: PLC0415 - takes a tenth of a second, and few recordings are workbooks

    with _broken(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about colours and checks of cells, which nobody reads here
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        for sheet in book.worksheets:
            sheet.reset_dimensions()
        return {sheet.title: sheet for sheet in book.worksheets}


def _rows(sheet: Any) -> Iterator[tuple[Any, ...]]:
    rows = sheet.iter_rows(values_only=True)
    while True:
        with _broken():
            row = next(rows, None)
        if row is None:
            return
        yield row


@contextmanager
def _broken() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # openpyxl raises what it stumbles over: KeyError, AttributeError, errors of the zip and of the XML.
        raise RecordingError(f"the workbook cannot be read ({error}); save it as CSV") from error


def as_text(value: Any) -> str:
    """Return a typed value as a cell of text; a date without a clock stays a date."""
    if isinstance(value, datetime):
        is_date = value.time() == time() and value.tzinfo is None
        return value.date().isoformat() if is_date else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        minutes, seconds = divmod(value.total_seconds(), 60)
        return f"{int(minutes) // 60:02}:{int(minutes) % 60:02}:{seconds:09.6f}"
    return "" if value is None else str(value)


def _has_cells(sheet: Any) -> bool:
    return any(any(value is not None for value in row) for row in _rows(sheet))
