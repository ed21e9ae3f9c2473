"""Log files that are rotated by size without losing a line; while the disk is full, lines wait in memory."""

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from vfactory.stack.configuration import Configuration
from vfactory.stack.logs.lines import lost_lines

KEPT_FILES = 5
WAITING_BYTES = 4 * 1024 * 1024


class LogFile:
    """A log file at `path`, rotated to `path`.1, .2, … before it grows beyond `limit` bytes.

    Several threads may write. The newest `kept` rotated files are kept. Lines that cannot be written wait in
    memory, up to 4 MiB; beyond that the oldest are dropped, and the line from `on_loss` says how many.
    """

    def __init__(
        self, path: Path, *, limit: int, on_loss: Callable[[int], bytes], kept: int = KEPT_FILES
    ) -> None:
        self.path = path
        self.lost = 0
        self._limit = limit
        self._on_loss = on_loss
        self._kept = kept
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._descriptor = -1
        self._size = 0
        self._guard = threading.Lock()

    def _open(self) -> None:
        """Open the file for appending; first end a line that a crash cut short."""
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._descriptor).st_size
        if self._size and os.pread(self._descriptor, 1, self._size - 1) != b"\n":
            self._append(b"\n")

    def close(self) -> None:
        """Try to write the waiting lines, and close the file."""
        self.write([])
        with self._guard:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1

    def write(self, lines: Sequence[bytes]) -> None:
        """Append `lines` (each ends with a line feed), or keep them for a later write; never raises."""
        with self._guard:
            self._waiting.extend(lines)
            self._waiting_bytes += sum(len(line) for line in lines)
            try:
                self._write_waiting()
            except OSError:
                self._drop_excess()

    def _write_waiting(self) -> None:
        if self._descriptor < 0:
            self._open()
        while self._waiting:
            batch = self._next_batch()
            if self._size and self._size + len(batch) > self._limit:
                self._set_aside()
            self._append(batch)
            self._forget(len(batch))
        if self.lost:
            self._append(self._on_loss(self.lost))
            self.lost = 0

    def _next_batch(self) -> bytes:
        """Return the waiting lines that still fit into the file, at least one."""
        room = max(self._limit - self._size, 0)
        taken: list[bytes] = []
        size = 0
        for line in self._waiting:
            if taken and size + len(line) > room:
                break
            taken.append(line)
            size += len(line)
        return b"".join(taken)

    def _append(self, data: bytes) -> None:
        """Write all of `data`, or nothing of it."""
        start = self._size
        try:
            while data:
                written = os.write(self._descriptor, data)
                self._size += written
                data = data[written:]
        except OSError:
            os.ftruncate(self._descriptor, start)
            self._size = start
            raise

    def _forget(self, size: int) -> None:
        self._waiting_bytes -= size
        while size:
            size -= len(self._waiting.popleft())

    def _drop_excess(self) -> None:
        while self._waiting_bytes > WAITING_BYTES:
            self._waiting_bytes -= len(self._waiting.popleft())
            self.lost += 1

    def _set_aside(self) -> None:
        for number in range(self._kept, 0, -1):
            older = self._numbered(number)
            newer = self._numbered(number - 1)
            if newer.exists():
                newer.replace(older)
        os.close(self._descriptor)
        self._descriptor = -1
        self._open()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path


def generations(path: Path) -> list[Path]:
    """Return the file at `path` and its rotated files, oldest first."""
    numbered = [
        (int(other.suffix[1:]), other)
        for other in path.parent.glob(f"{path.name}.*")
        if other.suffix[1:].isdecimal()
    ]
    older = [other for _, other in sorted(numbered, reverse=True)]
    return [*older, path] if path.exists() else older


def log_file(configuration: Configuration, name: str) -> LogFile:
    """Return the log file of the part called `name`."""
    path = log_path(configuration.logs, name)
    return LogFile(path, limit=configuration.log_bytes, on_loss=lost_lines(name))


def log_path(logs: Path, name: str) -> Path:
    """Return the path of the log file of the part called `name`."""
    return logs / f"{name}.log"
