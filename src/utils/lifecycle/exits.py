"""Exit codes, and ways to end a process that nothing can delay."""

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
    """The process cannot start; the text says why and what to change, without a traceback."""

    def __init__(self, text: str, exit_code: int = FAILURE) -> None:
        self.exit_code = exit_code
        super().__init__(text)


def exit_at_once(code: int) -> NoReturn:
    """End the process without waiting for threads, tasks or handlers; log lines are written already."""
    os._exit(code)


def exit_soon(code: int) -> None:
    """End the process after 2 s, even if writing the last log line blocks because its reader is gone."""
    last_words = threading.Timer(_LAST_WORDS_SECONDS, exit_at_once, [code])
    last_words.daemon = True
    last_words.start()


class ExitDeadline:
    """A thread that ends the process when an orderly shutdown exceeds its deadline."""

    def start(self, seconds: float) -> None:
        """End the process with exit code 1 in `seconds` from now."""
        timer = threading.Timer(seconds, self._overdue, [seconds])
        timer.daemon = True
        timer.start()

    def _overdue(self, seconds: float) -> None:
        exit_soon(FAILURE)
        logger.critical("Shutdown did not finish in time: exiting", extra={"deadline_seconds": seconds})
        exit_at_once(FAILURE)
