"""Reads a delimited text record by record; a broken line does not affect the lines after it."""

import csv
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, Self, TextIO

LONGEST_LINE = 1 << 20
"""Characters; a longer line is read in pieces, each a broken line, so that memory stays bounded."""


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of one record, and the number of its first line in the file (from 1)."""

    line: int
    cells: list[str]


class Table(Protocol):
    """An open recording, whatever it is made of."""

    broken: list[tuple[int, str]]
    """Broken lines, as (line number, reason); the reader of the records clears the list."""

    def records(self, width: int | None = None) -> Iterator[Record]:
        """Yield the records that are not blank; `width` is the number of cells expected."""

    @property
    def bytes_read(self) -> int:
        """How much of the file has been read, in its bytes."""


class _Lines:
    """The file's lines; those after the first of a broken record can be read again."""

    def __init__(self, file: TextIO, number: int) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.number = number
        self.taken: list[str] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        text = self._again.popleft() if self._again else self._file.readline(LONGEST_LINE)
        if not text:
            raise StopIteration
        self.number += 1
        self.taken.append(text)
        return text

    def return_all_but_first(self) -> None:
        self._again.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1


@dataclass
class LineTable:
    """A table in text.

    A quoted cell may hold line breaks. An unclosed quote would swallow the following lines, up to the csv
    module's field limit: such a record counts as one broken line, and its other lines are read again.

    Args:
        file: The text, from its first line on; invalid bytes are U+FFFD, which makes their cell unreadable.
        delimiter: The character between cells.
        skip: How many lines come before the table.
        tell: Gives the position in the file.
        annotated: Whether every line that begins with `#` is an annotation, whatever its width.
    """

    file: TextIO
    delimiter: str
    skip: int
    tell: Callable[[], int]
    annotated: bool = False
    broken: list[tuple[int, str]] = field(default_factory=list)

    @property
    def bytes_read(self) -> int:
        """How much of the file has been read, in steps of the read buffer."""
        return self.tell()

    def records(self, width: int | None = None) -> Iterator[Record]:
        """Yield the records that are neither blank nor a comment.

        Args:
            width: How many cells a record over several lines must have; another number means an unclosed
                quote. A line that begins with `#` and has another number is a comment.
        """
        for _ in range(self.skip):
            self.file.readline(LONGEST_LINE)
        lines = _Lines(self.file, self.skip)
        reader = csv.reader(lines, delimiter=self.delimiter, skipinitialspace=self.delimiter != "\t")
        while True:
            lines.taken.clear()
            start = lines.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self.broken.append((start, str(error)))
                lines.return_all_but_first()
                continue
            if lines.taken[0].startswith("#") and (self.annotated or len(cells) != width):
                lines.return_all_but_first()
            elif len(lines.taken) > 1 and width is not None and len(cells) != width:
                self.broken.append((start, "a quote that is never closed"))
                lines.return_all_but_first()
            elif any(cell.strip() for cell in cells):
                yield Record(start, cells)
