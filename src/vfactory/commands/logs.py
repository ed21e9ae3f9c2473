"""`vfactory logs`: prints the log lines of the stack's processes."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from vfactory.commands.options import HomeOption, LogFolderOption
from vfactory.stack.configuration import MONITORING_PORTS, PORTS
from vfactory.stack.errors import NotRunningError, UnknownPartError
from vfactory.stack.logs import SUPERVISOR, LogReader, last_lines, log_path, new_lines, wait_for_more
from vfactory.stack.state import read_record, state_directory

# These keep their native form, and are shown only by name, so that the other output stays JSON.
NATIVE: Final = frozenset({"postgres", "valkey", *MONITORING_PORTS})
LINES_BEFORE_FOLLOWING: Final = 10


def logs(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Print only these logs.", show_default="all services"),
    ] = None,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Continue with new lines as they are written.")
    ] = False,
    lines: Annotated[
        int | None,
        typer.Option("-n", "--lines", min=0, help="Only the last lines.", show_default="all; 10 with -f"),
    ] = None,
    log_dir: LogFolderOption = None,
    home: HomeOption = None,
) -> None:
    """Print log lines by time, one JSON object per line; those of databases and monitoring as written.

    Exit codes: 0 printed, 2 there is no process of that name, 3 no stack has run here yet.
    """
    readers = Readers(log_folder(state_directory(home), log_dir), names or [])
    count = LINES_BEFORE_FOLLOWING if follow and lines is None else lines
    try:
        _print(last_lines(readers.all(), count))
        while follow:
            _print(new_lines(readers.all()))
            wait_for_more()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of the output has closed the pipe
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


class Readers:
    """The readers of the named logs; without names, of all services' logs, also of those that come later."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        known = sorted({*PORTS, *MONITORING_PORTS, SUPERVISOR, *(path.stem for path in folder.glob("*.log"))})
        unknown = [name for name in names if name not in known]
        if unknown:
            raise UnknownPartError(f"There is no {', '.join(unknown)}. Choose from: {', '.join(known)}.")
        self._folder = folder
        self._names = names
        self._readers: dict[str, LogReader] = {}

    def all(self) -> list[LogReader]:
        """Return one reader per log, the same at every call."""
        for name in self._names or self._written():
            if name not in self._readers:
                self._readers[name] = LogReader(log_path(self._folder, name))
        return list(self._readers.values())

    def _written(self) -> list[str]:
        return sorted({path.stem for path in self._folder.glob("*.log")} - NATIVE)


def log_folder(home: Path, given: Path | None) -> Path:
    """Return the folder of the logs: as given, else that of the stack's record, else `home`/logs.

    Raises:
        NotRunningError: the folder does not exist.
    """
    known = read_record(home)
    folder = given or (Path(known.logs) if known else home / "logs")
    if not folder.is_dir():
        raise NotRunningError(f"There are no logs in {folder} yet. Start V-Factory with `vfactory up`.")
    return folder


def _print(lines: Iterable[bytes]) -> None:
    for line in lines:
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
