"""Asks a plant again while it cannot be reached."""

import time
from collections.abc import Callable
from typing import TypeVar

from plant_client import UnreachableError
from vfactory.client.output import message
from vfactory.commands.terminal import complain

T = TypeVar("T")
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0


def patiently(ask: Callable[[], T], seconds: float) -> T:
    """Return what `ask` returns, asked again for `seconds` while the plant cannot be reached; say so once.

    Raises:
        UnreachableError: It could not be reached in that time.
    """
    give_up = time.monotonic() + seconds
    pause, is_told = _FIRST_PAUSE_SECONDS, False
    while True:
        try:
            return ask()
        except UnreachableError as error:
            if time.monotonic() + pause > give_up:
                raise
            if not is_told:
                complain(f"{message(error)}; trying again for {seconds:g} s (--patience)")
            is_told = True
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
