"""Keeps one process of the stack running: logs its output, and restarts it when it ends."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import psutil

from vfactory.stack.errors import REFUSALS, PartFailedError, Refusal, explain
from vfactory.stack.keeping.job import Job
from vfactory.stack.keeping.pipes import carry_lines
from vfactory.stack.logs import as_json_line

FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_DELAY_SECONDS: Final = 30.0
# A process that has run this long counts as healthy: its next delay is the shortest again.
SETTLED_SECONDS: Final = 60.0
REMEMBERED_LINES: Final = 20


class Keeper(threading.Thread):
    """The thread that keeps one `Job` running, from `start` to `stop`.

    Args:
        job: the process to keep running.
        changed: called after every change of `part`, from this thread.
        said: called with a sentence when the process ends unasked, or does not end when asked.
    """

    def __init__(self, job: Job, *, changed: Callable[[], None], said: Callable[[str], None]) -> None:
        super().__init__(name=f"keeper-{job.part.name}", daemon=True)
        self.job = job
        self.part = job.part
        self.failure: Refusal | None = None
        self.code: int | None = None
        self._changed = changed
        self._said = said
        self._asked = threading.Event()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._recent: deque[bytes] = deque(maxlen=REMEMBERED_LINES)

    def run(self) -> None:
        """Run the process, and restart it after growing delays, until `stop` is called."""
        delay = FIRST_DELAY_SECONDS
        while not self._asked.is_set():
            began = time.monotonic()
            end = self._live()
            if self._asked.is_set() or self.job.once:
                break
            delay = FIRST_DELAY_SECONDS if time.monotonic() - began > SETTLED_SECONDS else delay
            self._said(f"{self.part.name} {end}; starting it again in {delay:g} s.")
            self._show(state="waiting", pid=None, created=None, restarts=self.part.restarts + 1, last_end=end)
            self._asked.wait(delay)
            delay = min(delay * 2, LONGEST_DELAY_SECONDS)
        self._show(state="ended", pid=None, created=None)
        self.job.log.close()

    def stop(self) -> None:
        """Ask the process to end; return at once (`join` waits for the end)."""
        with self._guard:
            self._asked.set()
            process = self._process
        if process is None:
            return
        threading.Thread(target=self._end, args=[process], daemon=True).start()

    def hurry(self) -> None:
        """Make a process that is leaving end now: it accepts no new clients, and might stay for hours."""
        process = self._process
        if process is not None and not self._asked.is_set() and self.job.is_leaving():
            process.send_signal(self.job.stop_signal)

    def kill(self) -> None:
        """Kill the process."""
        with self._guard:
            self._asked.set()
            process = self._process
        if process is not None:
            process.kill()

    def last_words(self) -> str:
        """Return the message of the last error line of the process; without one, its last lines."""
        for line in reversed(self._recent):
            message = _message_of_failure(line)
            if message:
                return message
        return b"".join(self._recent).decode("utf-8", "replace").rstrip()

    def _live(self) -> str:
        """Run the process until it ends; return in words how it ended."""
        self.failure = None
        self._show(state="starting")
        try:
            self.code = self._run_to_the_end()
        except REFUSALS as error:
            self.failure = error
            return f"could not be started: {explain(error)}"
        except OSError as error:
            self.failure = PartFailedError(f"{self.part.name} could not be started: {error}")
            return f"could not be started: {error}"
        return describe_end(self.code)

    def _run_to_the_end(self) -> int:
        reading, writing = zip(*(os.pipe() for _ in range(2)), strict=True)
        try:
            process = self._start(*writing)
        except BaseException:
            for descriptor in reading:
                os.close(descriptor)
            raise
        finally:
            for descriptor in writing:
                os.close(descriptor)
        self._show(state="running", pid=process.pid, created=created(process.pid))
        return carry_lines(process, dict(zip(reading, ("stdout", "stderr"), strict=True)), self._take)

    def _start(self, output: int, errors: int) -> subprocess.Popen[bytes]:
        process = self.job.start(output, errors)
        with self._guard:
            self._process = process
            stopping = self._asked.is_set()
        if stopping:
            threading.Thread(target=self._end, args=[process], daemon=True).start()
        return process

    def _take(self, stream: str, lines: Sequence[bytes]) -> None:
        if not self.job.native:
            lines = [as_json_line(self.part.name, line, stream=stream) for line in lines if line.strip()]
        self._recent.extend(lines)
        self.job.log.write(lines)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(self.job.stop_signal)
        process.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + self.job.patience
        while self.is_alive() and time.monotonic() < deadline:
            self.join(0.05)
        if self.is_alive():
            self._said(f"{self.part.name} did not end within {self.job.patience:g} s: killing it.")
            process.kill()

    def _show(self, **changes: object) -> None:
        self.part = msgspec.structs.replace(self.part, **changes)
        self._changed()


def created(pid: int) -> float | None:
    """Return the start time of the process `pid` in seconds since 1970; None if it is gone."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def describe_end(code: int) -> str:
    """Return an exit code in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _message_of_failure(line: bytes) -> str | None:
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError):
        return None
    if isinstance(fields, dict) and fields.get("level") in {"ERROR", "CRITICAL"}:
        exception = fields.get("exception")
        cause = exception if isinstance(exception, dict) else {}
        parts = [fields.get("message"), cause.get("type"), cause.get("message")]
        return ": ".join(str(part) for part in parts if part)
    return None
