"""The watchdog: ends a process whose event loop is blocked, so that its supervisor restarts it."""

import asyncio
import signal
import sys
import threading
import time
import traceback
from types import FrameType
from typing import Final

from utils.lifecycle.exits import EX_SOFTWARE, exit_at_once, exit_soon
from utils.logging import logger

_BEAT_SECONDS: Final = 1.0
# The kernel's timer fires after the thread, whose log line says more, and still within two minutes on a busy
# machine.
KERNEL_FACTOR: Final = 1.5


class Watchdog:
    """Exits with code 70 after a CRITICAL line with all stacks when the loop was blocked for `seconds`.

    Time in which the whole process stood still (SIGSTOP, a suspended machine) does not count. Code that holds
    the interpreter's lock, such as a catastrophic regular expression, stops this thread as well: then the
    kernel kills the process by SIGPROF after 1.5 times `seconds` of CPU time without a heartbeat.
    """

    def __init__(self, seconds: float = 60, *, use_kernel_timer: bool = False) -> None:
        self._seconds = seconds
        self._use_kernel_timer = use_kernel_timer
        self._beats = 0
        self._stopped = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0

    def start(self) -> None:
        """Watch the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        if self._use_kernel_timer:
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
        self._beat()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        if self._use_kernel_timer:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _beat(self) -> None:
        if self._stopped.is_set() or self._loop is None:
            return
        self._beats += 1
        if self._use_kernel_timer:
            signal.setitimer(signal.ITIMER_PROF, KERNEL_FACTOR * self._seconds)
        self._loop.call_later(min(_BEAT_SECONDS, self._seconds / 4), self._beat)

    def _watch(self) -> None:
        interval = min(_BEAT_SECONDS, self._seconds / 4)
        seen, blocked, before = self._beats, 0.0, time.monotonic()
        while not self._stopped.wait(interval):
            now = time.monotonic()
            blocked += min(now - before, 2 * interval)  # in a longer gap this thread did not run either
            before = now
            if self._beats != seen:
                seen, blocked = self._beats, 0.0
            elif blocked >= self._seconds:
                self._bite(blocked)

    def _bite(self, blocked: float) -> None:
        exit_soon(EX_SOFTWARE)
        logger.critical(
            "The event loop has been blocked for too long: exiting",
            extra={"blocked_seconds": round(blocked, 1), "stacks": stacks(first=self._loop_thread)},
        )
        exit_at_once(EX_SOFTWARE)


def stacks(first: int) -> list[str]:
    """Return every thread's stack as text, the thread with the identifier `first` first."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames = sorted(sys._current_frames().items(), key=lambda item: item[0] != first)  # noqa: SLF001 - no other way
    return [_stack(names.get(ident) or str(ident), frame) for ident, frame in frames]


def _stack(name: str, frame: FrameType) -> str:
    return f"{name}:\n" + "".join(traceback.format_stack(frame)[-12:])
