"""What is to be kept running, and how."""

import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from vfactory.stack.logs import LogFile
from vfactory.stack.state import Part

Start = Callable[[int, int], subprocess.Popen[bytes]]


@dataclass(frozen=True)
class Job:
    """What is to be kept running.

    Args:
        part: how it shows in the record.
        start: starts the process, given the descriptors of its standard output and error; may block.
        log: where its lines go.
        stop_signal: asks the process to end.
        patience: how long it may take to do so, in seconds, before it is killed.
        is_ready: whether it does its work.
        once: it ends by itself and is not started again.
        native: its lines are not JSON and stay as they are.
        is_leaving: whether another process has asked it to end, and it takes its time.
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
