"""The logger: a `logging.Logger` that never raises because of a message or an `extra`."""

import logging
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from utils.logging.exceptions import exception_from
from utils.logging.messages import bounded, bounded_arguments, format_message
from utils.logging.output import LineHandler

_RESERVED = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})


class ServiceLogger(logging.Logger):
    """Writes straight to its handler if that is the only one; with other handlers it makes log records."""

    handler: LineHandler | None = None

    def _log(  # noqa: PLR0917 - `logging`'s signature
        self,
        level: int,
        msg: object,
        args: Any,
        exc_info: Any = None,
        extra: Mapping[str, object] | None = None,
        stack_info: bool = False,  # noqa: FBT001, FBT002 - the same
        stacklevel: int = 1,
    ) -> None:
        handler = self.handler
        if handler is not None and not stack_info and self._is_only(handler):
            handler.write(level, msg, args, exc_info, extra)
            return
        super()._log(level, msg, args, _triple(exc_info), extra, stack_info, stacklevel + 1)

    def _is_only(self, handler: LineHandler) -> bool:
        """Return whether a record would reach this handler and no other."""
        listeners = logging.root.handlers
        return (
            len(listeners) == 1
            and listeners[0] is handler
            and not self.handlers
            and not self.filters
            and not handler.filters
            and self.propagate
            and logging.getLogRecordFactory() is logging.LogRecord
        )

    def makeRecord(  # noqa: N802, PLR0917 - `logging`'s name and signature
        self,
        name: str,
        level: int,
        fn: str,
        lno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        func: str | None = None,
        extra: Mapping[str, object] | None = None,
        sinfo: str | None = None,
    ) -> logging.LogRecord:
        """Return a record that carries every extra, and those with free names also as attributes."""
        try:
            msg, args = bounded(msg), bounded_arguments(args)
            record = logging.getLogRecordFactory()(name, level, fn, lno, msg, args, exc_info, func, sinfo)
            record.getMessage()
        except Exception:  # noqa: BLE001 - a message that does not fit its arguments is written beside them
            text = format_message(msg, args)
            record = logging.LogRecord(name, level, fn, lno, text, (), exc_info, func, sinfo)
        vars(record)["kit_extra"] = {} if extra is None else extra
        if isinstance(extra, dict):
            free = {key: extra[key] for key in extra if type(key) is str and key not in _RESERVED}
            vars(record).update(free)
        return record


def _triple(
    exc_info: object,
) -> tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None] | None:
    if exc_info is None or exc_info is False:  # not by truth value: `__bool__` of an object may raise
        return None
    exception = exception_from(exc_info)
    if exception is None:
        return sys.exc_info()
    return type(exception), exception, exception.__traceback__
