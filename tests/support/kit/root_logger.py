"""Keeps pytest's own handlers off the root logger, so that the logger goes its straight way."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from utils.logging.output import LineHandler


class OnlyLineHandlers(list[logging.Handler]):
    """What pytest adds at the start of a test's call is not taken in."""

    def append(self, handler: logging.Handler) -> None:
        if isinstance(handler, LineHandler):
            super().append(handler)


@contextmanager
def nobody_else_listening(*handlers: LineHandler) -> Iterator[None]:
    saved = logging.root.handlers
    logging.root.handlers = OnlyLineHandlers(handlers)
    try:
        yield
    finally:
        logging.root.handlers = saved
