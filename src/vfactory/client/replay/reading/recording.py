"""Reads a recording as rows of values, in constant memory; unreadable cells are counted, not guessed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cached_property
from pathlib import Path

from vfactory.client.replay.reading.choices import Choices, RecordingError, clean, listed
from vfactory.client.replay.reading.columns import LONGEST_METRIC, Columns, Layout
from vfactory.client.replay.reading.findings import Findings
from vfactory.client.replay.reading.lines import Record, Table
from vfactory.client.replay.reading.notation import TimeError
from vfactory.client.replay.reading.tables import Outline, look_at
from vfactory.client.replay.reading.times import TimeReader
from vfactory.client.replay.reading.values import ValueReader, is_number

MOST_SERIES = 10_000
"""More machines, or machine and metric pairs, hint at a column that names neither."""
_NAMED_ZONES = {"utc": UTC, "gmt": UTC, "kst": timezone(timedelta(hours=9))}


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be sent: its line, its time in UTC, (metric, value) per readable cell, its machine."""

    line: int
    at: datetime
    values: list[tuple[str, float]]
    source: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A recording's file as the user chose it, and what the first look at it found."""

    path: Path
    choices: Choices
    outline: Outline
    layout: Layout


class Recording:
    """One pass over a recording.

    Args:
        file: The file, or its path.
        choices: The user's options about it.
        zone: The zone of times without an offset.

    Raises:
        RecordingError: The file cannot be replayed at all.

    Attributes:
        findings: What could not be read.
        times: The reader of times, which counts those without an offset.
        records: How many rows the file has, those that cannot be read included.
        lost: How many of them cannot be sent though they hold something.
        steps_back: How many rows are earlier than the row before of their series; rules may count them as
            late.
        cells: The cells of the last row.
        units: A line of units below the names, which is left out.
    """

    def __init__(self, file: Path | File, choices: Choices, zone: tzinfo) -> None:
        self.file = file if isinstance(file, File) else _look_at(file, choices)
        self.path = self.file.path
        self.layout = self.file.layout
        self.zone = _named_zone(self.layout.time_name) or zone
        self.size_bytes = self.path.stat().st_size
        self.bytes_read = 0
        self.findings = Findings()
        self.times = TimeReader(self.zone, self.layout.notation)
        self.records = self.lost = self.steps_back = 0
        self.cells: list[str] = []
        self.units: list[str] = []
        self._values = ValueReader(choices.decimal, choices.thousands, choices.missing, choices.strip)
        self._choices = choices
        self._previous: dict[tuple[str | None, str | None], datetime] = {}
        self._order: list[int] | None = None

    @property
    def has_own_zone(self) -> bool:
        """Whether the name of the time column says its zone, such as `Time (UTC)`."""
        return _named_zone(self.layout.time_name) is not None

    def again(self, zone: tzinfo | None = None) -> "Recording":
        """Return another pass over the same file; times without an offset are taken in `zone`."""
        return Recording(self.file, self._choices, zone or self.zone)

    @cached_property
    def newest_first(self) -> bool:
        """Whether the first rows go back in time."""
        back = forth = 0
        previous: dict[tuple[str | None, str | None], datetime] = {}
        with self.file.outline.open() as table:
            for number, record in enumerate(table.records(self.layout.width)):
                if number >= 1000 or len(record.cells) < self.layout.width:  # noqa: PLR2004 - enough to tell
                    break
                try:
                    moment = self.layout.notation.parse([record.cells[index] for index in self.layout.times])
                except (TimeError, OverflowError):
                    continue
                series, naive = self._series(record.cells), moment.replace(tzinfo=None)
                last = previous.get(series)
                back += last is not None and naive < last
                forth += last is not None and naive > last
                previous[series] = naive
        return back > forth

    def rows(self) -> Iterator[Row]:
        """Yield every row with a time and at least one number, in the file's order. Call it once only.

        Raises:
            RecordingError: The file breaks off, or a second table with other columns begins in it.
        """
        self.times = TimeReader(self.zone, self.layout.notation, newest_first=self.newest_first)
        with self.file.outline.open() as table:
            for record in table.records(self.layout.width):
                self._note_broken(table)
                if self._is_heading(record):
                    continue
                self.records += 1
                row = self._read(record)
                if row is not None:
                    self.bytes_read = table.bytes_read
                    yield row
            self._note_broken(table)
        self.bytes_read = self.size_bytes

    def _note_broken(self, table: Table) -> None:
        for line, why in table.broken:
            self.records += 1
            self.lost += 1
            self.findings.add(f"broken line ({why})", line)
        table.broken.clear()

    def _is_heading(self, record: Record) -> bool:
        """Return whether a record names columns or units, as that of a further table does."""
        layout, cells = self.layout, record.cells
        if self.file.outline.annotated and "_time" in cells and "result" in cells:
            self._order = self._find_order([clean(cell) for cell in cells], record.line)
            return True
        place = layout.times[0]
        time_name = layout.names[place]
        is_row = len(cells) > place and cells[place][:1].isdigit()
        if not is_row and time_name and any(cell.strip() == time_name for cell in cells):
            names = tuple(clean(cell) for cell in cells)
            if names == layout.names:
                return True
            if not any(map(is_number, names)):
                raise RecordingError(
                    f"a table with other columns begins in line {record.line} ({listed(names)}); put each "
                    "table into "
                    "a file of its own, or leave the lines of the first one out: --skip-lines"
                )
        if self.records == 0 and not self.units and len(cells) == layout.width and self._is_units(record):
            self.units = [cell.strip() for cell in cells if cell.strip()]
            return True
        return False

    def _find_order(self, names: list[str], line: int) -> list[int]:
        """Return the places of the known columns in a further table, which may have other tags."""
        layout = self.layout
        needed = {layout.names[i] for i in (*layout.times, layout.source, layout.metric) if i is not None}
        if not needed <= set(names):
            missing = ", ".join(sorted(needed - set(names)))
            raise RecordingError(f"the table that begins in line {line} has no column {missing}")
        return [names.index(name) if name in names else -1 for name in layout.names]

    def _is_units(self, record: Record) -> bool:
        cells = [record.cells[index] for index, _ in self.layout.metrics]
        filled = [cell for cell in cells if not self._values.is_missing(cell)]
        has_time = any(any(char.isdigit() for char in record.cells[index]) for index in self.layout.times)
        return not has_time and not any(map(self._values.is_number, cells)) and bool(filled)

    def _read(self, record: Record) -> Row | None:
        cells, layout = record.cells, self.layout
        if self._order is not None:
            cells = [cells[index] if 0 <= index < len(cells) else "" for index in self._order]
            record = replace(record, cells=cells)
        width = layout.width
        if len(cells) != width and not (
            len(cells) > width and not any(cell.strip() for cell in cells[width:])
        ):
            self.findings.add(
                f"broken line ({width} cells expected)", record.line, text=f"{len(cells)} cells"
            )
            self.lost += 1
            return None
        self.cells = cells
        source, metric = series = self._series(cells)
        time_cells = [cells[index] for index in layout.times]
        try:
            at = self.times.read(*time_cells, series=series)
        except TimeError as error:
            text = " ".join(cell.strip() for cell in time_cells)
            self.findings.add(f"unreadable time ({error})", record.line, column=layout.time_name, text=text)
            self.lost += 1
            return None
        if source == "" or metric == "":
            kind = "row without a machine" if source == "" else "row without a metric"
            self.findings.add(kind, record.line)
            self.lost += 1
            return None
        values = self._read_values(record, metric)
        if not values:
            return None
        self._note_step(series, at)
        return Row(record.line, at, values, source)

    def _series(self, cells: list[str]) -> tuple[str | None, str | None]:
        layout = self.layout
        source = None if layout.source is None else clean(cells[layout.source])
        metric = None if layout.metric is None else clean(cells[layout.metric])
        return source, metric

    def _note_step(self, series: tuple[str | None, str | None], at: datetime) -> None:
        previous = self._previous.get(series)
        if previous is None and len(self._previous) >= MOST_SERIES:
            raise RecordingError(
                f"the file has more than {MOST_SERIES:,} series; does --source-column name the machine, and "
                "--metric-column the metric?"
            )
        self.steps_back += previous is not None and at < previous
        self._previous[series] = at

    @property
    def sources(self) -> list[str]:
        """The machines met so far, in their order."""
        return list(dict.fromkeys(source for source, _ in self._previous if source is not None))

    @property
    def metrics(self) -> list[str]:
        """The metrics sent; of a long table those met so far."""
        if self.layout.metric is None:
            return [name for _, name in self.layout.metrics]
        return list(dict.fromkeys(metric for _, metric in self._previous if metric is not None))

    def _read_values(self, record: Record, metric: str | None) -> list[tuple[str, float]]:
        values: list[tuple[str, float]] = []
        read = self._values.read
        unreadable = False
        for index, name in self.layout.metrics:
            value = read(record.cells[index])
            if value is None:
                unreadable |= self._note_cell(record, index, name)
            elif metric is not None and len(metric) > LONGEST_METRIC:
                self.findings.add(
                    f"name of a metric over {LONGEST_METRIC} characters", record.line, text=metric
                )
                unreadable = True
            else:
                values.append((metric or name, value))
        self.lost += unreadable and not values
        return values

    def _note_cell(self, record: Record, index: int, name: str) -> bool:
        """Count a cell without a number; return whether it holds something that was lost."""
        cell = record.cells[index]
        if not cell.strip():
            self.findings.add("empty cell", record.line, column=name)
            return False
        is_missing = self._values.is_missing(cell)
        kind = "not a finite number" if is_missing or is_number(cell) else "not a number"
        self.findings.add(kind, record.line, column=name, text=cell)
        return not is_missing


def _look_at(path: Path, choices: Choices) -> File:
    choices.check()
    outline, sample = look_at(path, choices)

    def every_row() -> Iterator[list[str]]:
        with outline.open() as table:
            for record in table.records():
                yield record.cells

    rows = [record.cells for record in sample]
    if outline.kind != "text":
        width = len(outline.header)
        rows = [cells + [""] * (width - len(cells)) for cells in rows]
    columns = Columns(outline.header, rows, choices, annotated=outline.annotated, every_row=every_row)
    return File(path, choices, outline, columns.layout())


def _named_zone(name: str) -> tzinfo | None:
    words = re.split(r"[\W_]+", name.lower())
    return next((zone for word, zone in _NAMED_ZONES.items() if word in words), None)
