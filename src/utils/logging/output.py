"""Where lines go: file descriptors 1 and 2, below ERROR and from ERROR on; a broken one never raises."""

import logging
import os
import select
from typing import Final

from utils.clock import LogClock
from utils.logging.levels import parse_level
from utils.logging.rendering import exception_from, format_message, render

_STDOUT: Final = 1
_STDERR: Final = 2
_PATIENCE_MILLISECONDS: Final = 1000  # how long a full non-blocking pipe may hold up the process

_STANDARD_ATTRIBUTES: Final = frozenset(
    {
        *vars(logging.makeLogRecord({})),
        "message",
        "asctime",
        "color_message",  # uvicorn's message once more, with terminal colours
        "kit_extra",
    },
)


class LineHandler(logging.Handler):
    """Writes every record, of our logger and of any library's, as one line of JSON."""

    def __init__(self, service_name: str) -> None:
        super().__init__()
        self.service_name = service_name
        self.head: dict[str, str] = {}
        self.rejected_level: str | None = None
        self.lost_lines = 0
        self._torn = {_STDOUT: False, _STDERR: False}
        self._clock = LogClock()

    def write(self, level: int, message: object, args: object, exc_info: object, extra: object) -> None:
        """Write one line of our own logger, now."""
        if self.rejected_level is not None:
            self._warn_of_rejected_level()
        line = render(
            timestamp=self._clock.now(),
            level=level,
            name=self.service_name,
            message=format_message(message, args),
            head=self.head,
            extra=extra,
            exception=exception_from(exc_info) if exc_info else None,
        )
        self._put(_STDERR if level >= logging.ERROR else _STDOUT, line)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record of any logger."""
        if self.rejected_level is not None:
            self._warn_of_rejected_level()
        attributes = vars(record)
        own = record.name == self.service_name
        extra = attributes.get("kit_extra")
        if extra is None:
            extra = {key: value for key, value in attributes.items() if key not in _STANDARD_ATTRIBUTES}
        line = render(
            timestamp=self._clock.at(record.created),
            level=record.levelno,
            name=self.service_name,
            message=format_message(record.msg, record.args).rstrip("\n"),
            head=self.head if own else {**self.head, "logger": record.name},
            extra=extra,
            exception=exception_from(record.exc_info),
            stack=record.stack_info,
        )
        self._put(_STDERR if record.levelno >= logging.ERROR else _STDOUT, line)

    def _warn_of_rejected_level(self) -> None:
        rejected, self.rejected_level = self.rejected_level, None
        self.write(
            logging.WARNING,
            "LOG_LEVEL is none of DEBUG, INFO, WARNING, ERROR, CRITICAL: logging at INFO",
            (),
            None,
            {"log_level": rejected},
        )

    def _put(self, descriptor: int, line: bytes) -> None:
        with self.lock:  # type: ignore[union-attr] # a handler always has one; typeshed allows None
            if self._torn[descriptor]:
                line = b"\n" + line
            written = 0
            try:
                while written < len(line):
                    written += _write_some(descriptor, line[written:])
            except (
                OSError
            ):  # nobody reads, or the disk is full: logging must not take the business down with it
                self.lost_lines += 1
                self._torn[descriptor] = self._torn[descriptor] or written > 0
            else:
                self._torn[descriptor] = False


def _write_some(descriptor: int, data: bytes) -> int:
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        poller = select.poll()
        poller.register(descriptor, select.POLLOUT)
        if not poller.poll(_PATIENCE_MILLISECONDS):
            raise
        return os.write(descriptor, data)


def read_level(text: str | None) -> tuple[str, str | None]:
    """Return the level to use and, when the text is none of the five, the rejected text."""
    if text is None:
        return "INFO", None
    level = parse_level(text)
    return ("INFO", text) if level is None else (level, None)
