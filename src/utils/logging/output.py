"""The handler that writes all lines: below ERROR to standard output, from ERROR on to standard error."""

import logging
from typing import Final

from utils.clock import LogClock
from utils.logging.descriptors import LineWriter
from utils.logging.exceptions import exception_from
from utils.logging.messages import format_message
from utils.logging.rendering import render

_STANDARD_ATTRIBUTES: Final = frozenset(
    {
        *vars(logging.makeLogRecord({})),
        "message",
        "asctime",
        "color_message",  # uvicorn's message again, with terminal colours
    },
)


class LineHandler(logging.Handler):
    """Writes every record, of the service's logger or a library's, as one line of JSON."""

    def __init__(self, service_name: str, *, stdout: int = 1, stderr: int = 2) -> None:
        super().__init__()
        self._clock = LogClock()
        self._stdout = LineWriter(stdout)
        self._stderr = LineWriter(stderr)
        self.identify(service_name, None, None)

    def identify(self, service_name: str, process: str | None, rejected_level: str | None) -> None:
        """Set the names in every line; a `rejected_level` is reported before the next line."""
        self._service_name = service_name
        self.process = process
        self._head = {"name": service_name} if process is None else {"name": service_name, "process": process}
        self._rejected_level = rejected_level

    def createLock(self) -> None:  # noqa: N802 - `logging`'s name
        """Set no lock: each descriptor has its own, so that a blocked one does not block the other."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Filter and emit, without the lock that `logging` always takes since Python 3.13."""
        kept: object = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def write(self, level: int, message: object, args: object, exc_info: object, extra: object) -> None:
        """Write one line of the service's logger at once. Never raises an `Exception`."""
        try:
            line = render(
                self._clock.now(),
                level,
                format_message(message, args),
                self._head,
                extra,
                exception=exception_from(exc_info) if exc_info is not None else None,
            )
        except Exception as error:  # noqa: BLE001 - out of memory or stack, or an unforeseen failure
            line = self._last_resort(level, error)
        self._put(level, line)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record of any logger. Never raises an `Exception`."""
        try:
            line = self._render_record(record)
        except Exception as error:  # noqa: BLE001 - the same
            line = self._last_resort(record.levelno, error)
        self._put(record.levelno, line)

    def _render_record(self, record: logging.LogRecord) -> bytes:
        attributes = vars(record)
        extra = attributes.get("kit_extra")
        if extra is None:
            extra = {key: value for key, value in attributes.items() if key not in _STANDARD_ATTRIBUTES}
        return render(
            self._clock.at(record.created),
            record.levelno,
            format_message(record.msg, record.args).rstrip("\n"),
            self._head if record.name == self._service_name else {**self._head, "logger": record.name},
            extra,
            exception=exception_from(record.exc_info),
            stack=record.stack_info,
        )

    def _last_resort(self, level: int, error: Exception) -> bytes:
        text = f"A log line could not be written: {type(error).__name__}"
        return render(self._clock.now(), level, text, self._head, None)

    def _put(self, level: int, line: bytes) -> None:
        if self._rejected_level is not None:
            self._complain()
        writer = self._stderr if level >= logging.ERROR else self._stdout
        lost = writer.write(line)
        if lost:
            text = "Log lines before the last one could not be written"
            severity = logging.WARNING if writer is self._stdout else logging.ERROR
            writer.write(render(self._clock.now(), severity, text, self._head, {"lost_lines": lost}))

    def _complain(self) -> None:
        rejected, self._rejected_level = self._rejected_level, None
        text = "LOG_LEVEL is none of DEBUG, INFO, WARNING, ERROR, CRITICAL: logging at INFO"
        self.write(logging.WARNING, text, (), None, {"log_level": rejected})
