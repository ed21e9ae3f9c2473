"""Runs a command in a child process, which stays in the background once it is ready."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from vfactory.commands.terminal import complain
from vfactory.stack.errors import NOT_STARTED, REFUSALS, exit_code, explain
from vfactory.stack.state import StackRecord

Ready = Callable[[StackRecord], None]


def in_background(run: Callable[[Ready], None], ready: Ready) -> None:
    """Call `run` in a child process, and return when the child has called `ready`.

    The child writes to this terminal until then, and to none afterwards; Ctrl-C does not reach it. If `run`
    ends first, this process exits with the child's exit code.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _go_on(run, ready, writing)
    os.close(writing)
    code = _wait(reading, child)
    if code is not None:
        sys.exit(code)


def _go_on(run: Callable[[Ready], None], ready: Ready, writing: int) -> NoReturn:
    """Run as the child, in a session of its own, so that the terminal's signals go to the parent only."""
    os.setsid()
    code = 0

    def show(record: StackRecord) -> None:
        ready(record)
        _come_back(writing)

    try:
        run(show)
    except REFUSALS as error:
        complain(explain(error))
        code = exit_code(error)
    except BaseException:  # noqa: BLE001 - the child ends here in any case, and must say why
        traceback.print_exc()
        code = 1
    os._exit(code)


def _come_back(writing: int) -> None:
    """Release the terminal, then tell the parent that the child is ready."""
    sys.stdout.flush()
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    os.write(writing, b"ready")
    os.close(writing)


def _wait(reading: int, child: int) -> int | None:
    """Wait until the child is ready: return None, or its exit code if it has ended. Pass Ctrl-C on to it."""
    while True:
        try:
            if os.read(reading, 16):
                return None
            _, status = os.waitpid(child, 0)
            return os.waitstatus_to_exitcode(status) or NOT_STARTED
        except KeyboardInterrupt:
            os.kill(child, signal.SIGTERM)
