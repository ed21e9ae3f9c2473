"""Shows the progress of a replay on stderr: a bar on a terminal, else a line every ten seconds."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from vfactory.client.replay.reading import Recording
from vfactory.client.replay.sending import Retry
from vfactory.client.replay.summary import Tally

LINE_EVERY_SECONDS = 10.0


class ProgressView(Protocol):
    """Shows a replay's progress; a context manager around the replay."""

    def __enter__(self) -> Self:
        """Start showing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the terminal."""

    def advance(self, recording: Recording, tally: Tally) -> None:
        """Show the state after an answered batch."""

    def say(self, text: str) -> None:
        """Show one line of text."""


def describe_retry(retry: Retry) -> str:
    """Return a failed attempt as one line of text."""
    return f"{retry.reason}; attempt {retry.attempt} failed, trying again in {retry.pause_seconds:.1f} s"


def open_progress(recording: Recording, console: Console) -> ProgressView:
    """Return a bar if the console is a terminal, else lines."""
    return Bar(recording, console) if console.is_terminal else Lines(console)


def _state(tally: Tally) -> str:
    at = f"{tally.last_at:%Y-%m-%d %H:%M:%SZ}" if tally.last_at else ""
    return f"{tally.readings:,} readings  {at}"


class Bar:
    """A progress bar over the bytes of the file."""

    def __init__(self, recording: Recording, console: Console) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(compact=True),
        )
        self._progress = Progress(*columns, console=console, transient=True)
        name = recording.path.name
        self._task = self._progress.add_task(name, total=max(recording.size_bytes, 1), state="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, recording: Recording, tally: Tally) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=recording.bytes_read, state=_state(tally))

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)


class Lines:
    """Prints a line every ten seconds, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = time.monotonic() + LINE_EVERY_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def advance(self, recording: Recording, tally: Tally) -> None:
        """Print the state if the last line is ten seconds old."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + LINE_EVERY_SECONDS
            share = recording.bytes_read / max(recording.size_bytes, 1)
            self.say(f"{share:4.0%}  {_state(tally)}")

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
