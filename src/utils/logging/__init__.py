"""Structured logging as the guide defines it: `from utils.logging import logger`, one JSON object a line."""

import logging
import os

from utils.logging.calls import ServiceLogger
from utils.logging.capture import capture_everything, quiet_libraries
from utils.logging.context import bind, follow_spans, request_id_var, trace_id_var
from utils.logging.levels import read_level
from utils.logging.output import LineHandler
from utils.logging.print_capture import capture_prints

__all__ = [
    "bind",
    "capture_prints",
    "configure_logging",
    "follow_spans",
    "logger",
    "process_name",
    "request_id_var",
    "trace_id_var",
]

_handler = LineHandler("v-factory")
logger = ServiceLogger("v-factory")
"""The service's logger; every call of `logging.Logger` is valid on it."""


def configure_logging(service_name: str, level: str | None = None, *, process: str | None = None) -> None:
    """Log as this service, at this level, from now on.

    Args:
        service_name: the `name` of every line.
        level: one of the guide's five words in any letter case; None means INFO. Any other text means INFO,
            and one WARNING says so.
        process: `worker`, `migrate` and the like; None for the service's API.
    """
    word, rejected = read_level(level)
    _handler.identify(service_name, process, rejected)
    logger.name = service_name
    logging.Logger.manager.loggerDict[service_name] = logger
    logging.root.setLevel(word)
    quiet_libraries(word)


def process_name() -> str | None:
    """Return the `process` that every line names; None in a service's API."""
    return _handler.process


def _start() -> None:
    logger.parent = logging.root
    logger.manager = logging.Logger.manager
    logger.handler = _handler
    logging.root.handlers = [
        handler for handler in logging.root.handlers if type(handler) is not logging.StreamHandler
    ]
    logging.root.addHandler(_handler)
    configure_logging(os.environ.get("SERVICE_NAME") or "v-factory", os.environ.get("LOG_LEVEL"))
    capture_everything(logger)


_start()
