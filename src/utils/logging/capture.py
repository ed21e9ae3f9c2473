"""Sends to the logger what others write: warnings, uncaught exceptions, and the log lines of libraries."""

import logging
import sys
import threading
from types import TracebackType
from typing import Any


def capture_everything(logger: logging.Logger) -> None:
    """Log warnings and uncaught exceptions; a second call changes nothing."""
    logging.captureWarnings(capture=True)

    def uncaught(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            logger.warning("Interrupted")
        else:
            logger.critical("Uncaught exception", exc_info=(kind, value, trace))

    def uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            name = args.thread.name if args.thread is not None else None
            logger.error(
                "Uncaught exception in a thread", exc_info=args.exc_value, extra={"thread_name": name}
            )

    def unraisable(args: Any) -> None:  # sys.UnraisableHookArgs exists for type checkers only
        text = args.err_msg or "Exception ignored in"
        logger.error("%s: %r", text, args.object, exc_info=args.exc_value)

    sys.excepthook = uncaught
    threading.excepthook = uncaught_in_thread
    sys.unraisablehook = unraisable


def _not_our_error(record: logging.LogRecord) -> bool:
    """Turn uvicorn's error about an incomplete answer into a warning; return whether to log the record.

    The cause is a reader that was cut off, or an error that has already been logged.
    """
    if record.msg == "ASGI callable returned without completing response.":
        record.msg = "An answer was broken off before its end"
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return logging.root.isEnabledFor(record.levelno)


def quiet_libraries(level: str) -> None:
    """Remove the handlers that libraries install, and silence lines that only repeat the kit's."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = name != "uvicorn.access"  # the kit writes its own access log
    logging.getLogger("uvicorn.error").addFilter(_not_our_error)
    for name in ("uvicorn.error", "httpx", "httpcore", "alembic.runtime.plugins"):
        # Never NOTSET: uvicorn takes level 0 for "trace" and formats a text for every connection.
        logging.getLogger(name).setLevel(logging.DEBUG if level == "DEBUG" else logging.WARNING)
