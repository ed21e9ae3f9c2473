"""Routes what does not ask for a logger into it: warnings, uncaught exceptions, uvicorn, chatty libraries."""

import logging
import sys
import threading
from types import TracebackType
from typing import Any


def capture_everything(logger: logging.Logger) -> None:
    """Install the hooks. Calling it twice does no harm."""
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
    """Take an answer that ended early for what it is: its reader was cut off, or an error told of already."""
    if record.msg == "ASGI callable returned without completing response.":
        record.msg = "An answer was broken off before its end"
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return logging.root.isEnabledFor(record.levelno)


def quiet_libraries(level: str) -> None:
    """Drop the handlers libraries bring along, and the lines that only repeat ours."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = name != "uvicorn.access"  # the kit writes its own access log
    logging.getLogger("uvicorn.error").addFilter(_not_our_error)
    for name in ("uvicorn.error", "httpx", "httpcore", "alembic.runtime.plugins"):
        # Never NOTSET: uvicorn takes 0 for "trace" and formats a text for every connection.
        logging.getLogger(name).setLevel(logging.DEBUG if level == "DEBUG" else logging.WARNING)
