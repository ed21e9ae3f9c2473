"""The description of a process to keep running."""

import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from vfactory.stack.logs import LogFile
from vfactory.stack.state import Part

Start = Callable[[int, int], subprocess.Popen[bytes]]


@dataclass(frozen=True)
class Job:
    """A process to keep running.

    Args:
        part: its entry in the stack's record.
        start: starts the process, with the descriptors for its standard output and error; may block.
        log: the file for its lines.
        is_ready: returns whether it does its work.
        stop_signal: the signal that asks it to end.
        patience: how many seconds it may take to end before it is killed.
        once: it ends by itself and is not restarted.
        native: its lines are not JSON and are logged unchanged.
        is_leaving: returns whether another process has asked it to end and it has not ended yet.
    """

    part: Part
    start: Start
    log: LogFile
    is_ready: Callable[[], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10.0
    once: bool = False
    native: bool = False
    is_leaving: Callable[[], bool] = lambda: False
