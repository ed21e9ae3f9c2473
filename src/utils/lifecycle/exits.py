"""Exit codes, and the ways out of a process that cannot be held up."""

import os
import threading
from typing import Final, NoReturn

from utils.logging import logger

EX_USAGE: Final = 64  # sysexits.h
EX_SOFTWARE: Final = 70
EX_CONFIG: Final = 78
FAILURE: Final = 1
_LAST_WORDS_SECONDS: Final = 2.0


class StartError(Exception):
    """The process cannot start; its text says why and what to change. No traceback is needed."""

    def __init__(self, text: str, exit_code: int = FAILURE) -> None:
        self.exit_code = exit_code
        super().__init__(text)


def exit_at_once(code: int) -> NoReturn:
    """Leave without waiting for threads, tasks or handlers. Log lines are written already."""
    os._exit(code)


def exit_soon(code: int) -> None:
    """Leave in a moment, whatever happens to the last words: nobody may be reading them."""
    last_words = threading.Timer(_LAST_WORDS_SECONDS, exit_at_once, [code])
    last_words.daemon = True
    last_words.start()


class ExitDeadline:
    """A thread that ends the process when an orderly shutdown takes longer than promised."""

    def start(self, seconds: float) -> None:
        """Give the process so many seconds from now."""
        timer = threading.Timer(seconds, self._overdue, [seconds])
        timer.daemon = True
        timer.start()

    def _overdue(self, seconds: float) -> None:
        exit_soon(FAILURE)
        logger.critical("Shutdown did not finish in time: exiting", extra={"deadline_seconds": seconds})
        exit_at_once(FAILURE)
