"""Bounds JSON bodies before they are decoded: decoding and error lists cost by values, not by bytes."""

import asyncio
import re
from typing import Final

from utils.errors import InvalidError

MAX_DEPTH: Final = 100

FREE_BYTES: Final = 16 * 1024
FREE_VALUES: Final = 100
"""A body up to both is decoded without waiting for its turn."""

_MOST_STRINGS_OF_A_VALUE: Final = 2  # a member's name and its value
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[,\[{\]}]', re.DOTALL)


def count_separators(body: bytes) -> int:
    """Return an upper bound on the number of a document's values, less one; it also counts within texts."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def refuse_excess(body: bytes, max_values: int) -> None:
    """Check that a document is not nested too deeply and holds at most `max_values` values.

    The time it takes is bounded by `max_values`, except for what lies within one text.

    Raises:
        InvalidError: it is, or it holds more.
    """
    depth = values = strings = 0
    for token in _TOKEN.finditer(body):
        first = body[token.start()]
        if first == ord('"'):
            strings += 1
        elif first in b"]}":
            depth -= 1
        else:
            values += 1
            depth += first != ord(",")
        if depth > MAX_DEPTH:
            raise InvalidError.of("body", "is nested too deeply")
        if values > max_values or strings > _MOST_STRINGS_OF_A_VALUE * max_values:
            raise InvalidError.of("body", f"must hold at most {max_values} values")
        if depth < -max_values:
            return  # no JSON, which the decoder says better


class Turns:
    """Lets one large body be decoded in each turn of the event loop, so that other requests come between."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def take(self) -> None:
        """Wait for the next turn that is free."""
        async with self._lock:
            await asyncio.sleep(0)
