"""Reads a delimited text file record by record; a broken line does not affect the lines after it."""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO

_LONGEST_LINE = 1 << 20
"""Characters; a longer line is read in pieces, each a broken line, so that memory stays bounded."""


class RecordingError(Exception):
    """The file cannot be replayed at all; the text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of one record, and the number of its first line in the file (from 1)."""

    line: int
    cells: list[str]


class _Lines:
    """The file's lines; those after the first of a broken record can be read again."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.number = 0
        self.taken: list[str] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        text = self._again.popleft() if self._again else self._file.readline(_LONGEST_LINE)
        if not text:
            raise StopIteration
        self.number += 1
        self.taken.append(text)
        return text

    def return_all_but_first(self) -> None:
        self._again.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1


class LineFile:
    """An open recording.

    A quoted cell may hold line breaks. An unclosed quote would swallow the following lines, up to the csv
    module's field limit: such a record counts as one broken line, and its other lines are read again.

    Args:
        path: The file.
        delimiter: The character between cells.
        encoding: The file's encoding; invalid bytes become U+FFFD, which makes the cell unreadable.
    """

    def __init__(self, path: Path, *, delimiter: str, encoding: str) -> None:
        self.size_bytes = path.stat().st_size
        self.broken: list[tuple[int, str]] = []
        """Broken lines, as (line number, reason); the reader of the records clears the list."""
        self._file: TextIO = path.open(encoding=encoding, errors="replace", newline="")
        self._delimiter = delimiter

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def bytes_read(self) -> int:
        """How many bytes have been read from the file, in steps of the read buffer."""
        return self._file.buffer.tell()

    def records(self, width: int | None = None) -> Iterator[Record]:
        """Yield the records that are not blank.

        Args:
            width: How many cells a record over several lines must have; another number means an unclosed
                quote.
        """
        lines = _Lines(self._file)
        reader = csv.reader(lines, delimiter=self._delimiter)
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
            if len(lines.taken) > 1 and width is not None and len(cells) != width:
                self.broken.append((start, "a quote that is never closed"))
                lines.return_all_but_first()
            elif any(cells):
                yield Record(start, cells)
