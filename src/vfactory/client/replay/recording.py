"""Reads a recording as rows of values, in constant memory; unreadable cells are counted, not guessed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from vfactory.client.replay.columns import Choices, Layout, find_layout, is_number
from vfactory.client.replay.findings import Findings
from vfactory.client.replay.lines import LineFile, Record
from vfactory.client.replay.times import TimeError, TimeReader


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be sent: its line in the file, its time in UTC, (metric, value) per readable cell."""

    line: int
    at: datetime
    values: list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Span:
    """The first, the earliest and the latest time of a recording."""

    first: datetime
    earliest: datetime
    latest: datetime

    @property
    def seconds(self) -> float:
        """The time from the earliest to the latest row."""
        return (self.latest - self.earliest).total_seconds()


class Recording:
    """One CSV file with its layout.

    Args:
        path: The file.
        choices: The user's options about it.
        zone: The zone of times without an offset.

    Raises:
        RecordingError: The file cannot be replayed at all.
    """

    def __init__(self, path: Path, choices: Choices, zone: tzinfo) -> None:
        self.path = path
        self.layout: Layout = find_layout(path, choices)
        self.size_bytes = path.stat().st_size
        self.bytes_read = 0
        self.findings = Findings()
        self.times = TimeReader(zone, choices.time_format)
        self.steps_back = 0
        """How many rows are earlier than the row before; rules may count their readings as late."""
        self._choices = choices
        self._zone = zone

    def rows(self) -> Iterator[Row]:
        """Yield every row with a time and at least one number, in the file's order. Call it once only."""
        layout = self.layout
        previous: datetime | None = None
        with LineFile(self.path, delimiter=layout.delimiter, encoding=layout.encoding) as file:
            records = file.records(layout.width)
            next(records)
            for record in records:
                self._note_broken(file)
                row = self._read(record)
                if row is None:
                    continue
                self.steps_back += previous is not None and row.at < previous
                previous = row.at
                self.bytes_read = file.bytes_read
                yield row
            self._note_broken(file)
        self.bytes_read = self.size_bytes

    def span(self) -> Span | None:
        """Read the whole file and return the span of its times; None if no row can be sent."""
        rows = Recording(self.path, self._choices, self._zone).rows()
        head = next(rows, None)
        if head is None:
            return None
        first = earliest = latest = head.at
        for row in rows:
            if row.at > latest:
                latest = row.at
            elif row.at < earliest:
                earliest = row.at
        return Span(first, earliest, latest)

    def _note_broken(self, file: LineFile) -> None:
        for line, why in file.broken:
            self.findings.add(f"broken line ({why})", line)
        file.broken.clear()

    def _read(self, record: Record) -> Row | None:
        cells, width = record.cells, self.layout.width
        if len(cells) != width and not (len(cells) == width + 1 and not cells[-1].strip()):
            self.findings.add(
                f"broken line ({width} cells expected)", record.line, text=f"{len(cells)} cells"
            )
            return None
        cell = " ".join(cells[index].strip() for index in self.layout.times)
        try:
            at = self.times.read(cell)
        except TimeError as error:
            name = self.layout.time_name
            self.findings.add(f"unreadable time ({error})", record.line, column=name, text=cell)
            return None
        values = self._values(record)
        return Row(record.line, at, values) if values else None

    def _values(self, record: Record) -> list[tuple[str, float]]:
        values: list[tuple[str, float]] = []
        comma = self._choices.decimal != "."
        for index, name in self.layout.metrics:
            cell = record.cells[index]
            if comma:
                cell = cell.replace(".", "?").replace(self._choices.decimal, ".")
            try:
                value = float(cell)
            except ValueError:
                self._note_cell(record, index, name)
                continue
            if math.isfinite(value) and (cell.isascii() and "_" not in cell):
                values.append((name, value))
            else:
                self._note_cell(record, index, name)
        return values

    def _note_cell(self, record: Record, index: int, name: str) -> None:
        cell = record.cells[index]
        if not cell.strip():
            self.findings.add("empty cell", record.line, column=name)
            return
        finite_notation = is_number(cell) or cell.strip().lower().lstrip("+-") in {"nan", "inf", "infinity"}
        kind = "not a finite number" if finite_notation else "not a number"
        self.findings.add(kind, record.line, column=name, text=cell)
