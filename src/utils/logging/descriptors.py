"""Writes whole lines to a file descriptor; a broken descriptor loses lines, and nothing else fails."""

import os
import select
import threading
from typing import Final

_PATIENCE_MILLISECONDS: Final = 1000  # how long a full non-blocking pipe may hold up the process


class LineWriter:
    """Writes to one file descriptor, one line after the other, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.RLock()  # reentrant: a signal handler may log in the middle of a line
        self._torn = False  # the last line was written in part: the next one starts with a line break
        self._lost = 0
        os.register_at_fork(after_in_child=self._unlock)

    def write(self, line: bytes) -> int:
        """Write a line; return how many lines were lost since the last one written, usually 0.

        Never raises, also if the descriptor is closed, full or without a reader.
        """
        with self._lock:
            if self._torn:
                line = b"\n" + line
            written = self._write_all(line)
            if written != len(line):
                self._torn = written > 1 or (self._torn and written == 0)
                self._lost += 1
                return 0
            self._torn = False
            lost, self._lost = self._lost, 0
            return lost

    def _write_all(self, line: bytes) -> int:
        written = 0
        try:
            while True:
                try:
                    written += os.write(self._descriptor, line[written:] if written else line)
                    if written == len(line):
                        return written
                except BlockingIOError:
                    if not self._has_room():
                        return written
        except OSError:
            return written

    def _has_room(self) -> bool:
        poller = select.poll()
        poller.register(self._descriptor, select.POLLOUT)
        return bool(poller.poll(0 if self._lost else _PATIENCE_MILLISECONDS))

    def _unlock(self) -> None:
        self._lock = threading.RLock()
