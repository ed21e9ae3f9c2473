"""Reads log files with their rotated files, and follows them without missing a line."""

import heapq
import os
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, Self

from vfactory.stack.logs.files import generations

POLL_SECONDS: Final = 0.1
_MOMENT: Final = re.compile(rb"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)")
_HEAD_BYTES: Final = 64


class LogReader:
    """Reads one process's log: first its history, then its new lines, across rotations."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def history(self, count: int | None) -> list[bytes] | Iterator[bytes]:
        """Return the last `count` whole lines (None: all), oldest first; `more` continues after them."""
        return self._all() if count is None else self._last(count)

    def _all(self) -> Iterator[bytes]:
        with ExitStack() as opened:
            for file in self._open_all(opened):
                yield from self._lines(file)

    def _last(self, count: int) -> list[bytes]:
        kept: list[bytes] = []
        with ExitStack() as opened:
            for file in reversed(self._open_all(opened)):
                kept = [*deque(self._lines(file), maxlen=count - len(kept)), *kept]
                if len(kept) >= count:
                    break
        return kept

    def more(self) -> list[bytes]:
        """Return the whole lines written since the last call; all lines of a log that is new."""
        if self._file is None:
            self._file = _open(next(iter(generations(self._path)), self._path))
        lines: list[bytes] = []
        while self._file is not None:
            # Before reading: once a newer file exists, this one is not written to any more.
            newer = self._newer()
            lines.extend(self._lines(self._file))
            if newer is None:
                break
            self._file.close()
            self._file = newer
        return lines

    def _open_all(self, opened: ExitStack) -> list[BinaryIO]:
        """Return all files, oldest first; the newest stays open for `more`, `opened` closes the others."""
        self.close()
        self._file = _open(self._path)
        if self._file is None:
            return []
        number = _inode(self._file)
        numbered = [path for path in generations(self._path) if path != self._path]
        older = [opened.enter_context(file) for path in numbered if (file := _open(path))]
        return [*(file for file in older if _inode(file) != number), self._file]

    def _newer(self) -> BinaryIO | None:
        """Return the file after the one being read; None if that is the newest."""
        files = [file for path in generations(self._path) if (file := _open(path))]
        numbers = [_inode(file) for file in files]
        here = numbers.index(_inode(self._file)) if self._file and _inode(self._file) in numbers else -1
        chosen = files[here + 1] if here + 1 < len(files) else None
        for file in files:
            if file is not chosen:
                file.close()
        return chosen

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield whole lines up to the end; an incomplete line waits for its rest."""
        for line in file:
            whole = self._rest + line
            self._rest = b"" if whole.endswith(b"\n") else whole
            if not self._rest:
                yield whole


def last_lines(readers: Iterable[LogReader], count: int | None) -> Iterator[bytes]:
    """Return the last `count` lines (None: all) of all `readers` together, by time."""
    merged = heapq.merge(*(_dated(reader.history(count)) for reader in readers), key=lambda dated: dated[0])
    lines = (line for _, line in merged)
    return lines if count is None else iter(deque(lines, maxlen=count))


def new_lines(readers: Sequence[LogReader]) -> list[bytes]:
    """Return the new lines of all `readers` since the last call, by time."""
    batches = [_dated(reader.more()) for reader in readers]
    return [line for _, line in heapq.merge(*batches, key=lambda dated: dated[0])]


def wait_for_more() -> None:
    """Wait a tenth of a second before new lines are read again."""
    time.sleep(POLL_SECONDS)


def _dated(lines: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield each line with its time; a line without one gets that of the line before."""
    moment = b""
    for line in lines:
        found = _MOMENT.search(line[:_HEAD_BYTES])
        moment = b"T".join(found.groups()) if found else moment
        yield moment, line


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _inode(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_ino
