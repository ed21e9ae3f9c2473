"""`vfactory down`: stops the local stack, and processes that a killed one left behind."""

import os
import signal
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from vfactory.commands.options import HomeOption
from vfactory.commands.terminal import tell
from vfactory.stack.errors import CannotStopError
from vfactory.stack.state import end_orphans, find_supervisor, state_directory

POLL_SECONDS: Final = 0.05


def down(
    *,
    home: HomeOption = None,
    patience: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds until a stack that does not stop is killed.")
    ] = 45,
) -> None:
    """Stop the stack that runs here, and end the processes that a killed one left running.

    Exit codes: 0 nothing runs any more, 77 the stack is another user's or does not end.
    """
    folder = state_directory(home)
    stopped = stop_supervisor(folder, patience)
    left = end_orphans(folder)
    if left:
        tell(f"Ended what had been left running: {', '.join(left)}.")
    elif stopped:
        tell("V-Factory has stopped.")
    else:
        tell(f"V-Factory does not run in {folder}.")


def stop_supervisor(home: Path, patience: float) -> bool:
    """Ask the supervisor of `home` to stop, and kill it after `patience` seconds; return whether it ran.

    Raises:
        CannotStopError: the process does not end, or belongs to another user.
    """
    pid = find_supervisor(home)
    if not pid:
        return False
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        _signal(pid, number)
        if _has_gone(home, seconds):
            return True
    raise CannotStopError(f"Process {pid}, which runs V-Factory in {home}, does not end.")


def _has_gone(home: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while find_supervisor(home) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return
    except PermissionError:
        raise CannotStopError(f"Process {pid} runs V-Factory here, but it is another user's.") from None
