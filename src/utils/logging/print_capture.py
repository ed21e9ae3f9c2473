"""Turns text printed to `sys.stdout` and `sys.stderr` into log lines."""

import io
import logging
import sys
from typing import Final

_LONGEST_LINE: Final = 8_000  # characters; a longer one is logged in pieces


class PrintedLines(io.TextIOBase):
    """A text stream that logs each line written to it."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, logger: logging.Logger, level: int, descriptor: int) -> None:
        super().__init__()
        self._logger = logger
        self._level = level
        self._descriptor = descriptor
        self._begun = ""

    def write(self, text: str) -> int:
        """Log every line that `text` completes; return its length."""
        *lines, self._begun = (self._begun + text).split("\n")
        if len(self._begun) > _LONGEST_LINE:
            lines, self._begun = [*lines, self._begun], ""
        for line in lines:
            if line.strip():
                self._logger.log(self._level, line.rstrip(), extra={"printed": True})
        return len(text)

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor this stream stands for."""
        return self._descriptor


def capture_prints(logger: logging.Logger) -> None:
    """Log all printed lines: at INFO from `sys.stdout`, at ERROR from `sys.stderr`."""
    sys.stdout = PrintedLines(logger, logging.INFO, 1)
    sys.stderr = PrintedLines(logger, logging.ERROR, 2)
