"""`vfactory logs`: prints the log lines of the stack's processes."""

import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from vfactory.commands.options import HomeOption, LogFolderOption
from vfactory.stack.configuration import MONITORING_PORTS, PORTS
from vfactory.stack.errors import NotRunningError, StackError, UnknownPartError
from vfactory.stack.logs import SUPERVISOR, LogReader, last_lines, log_path, new_lines, wait_for_more
from vfactory.stack.state import read_record, state_directory

# These keep their native form, and are shown only by name, so that the other output stays JSON.
NATIVE: Final = frozenset({"postgres", "valkey", *MONITORING_PORTS})
LINES_BEFORE_FOLLOWING: Final = 10
_PLAIN: Final = re.compile(rb"[\t\x20-\x7e]*")


def complete_names(incomplete: str) -> list[str]:
    """Return the names of logs that begin so, for the shell."""
    try:
        known = known_names(log_folder(state_directory(None), None))
    except (StackError, OSError):
        known = known_names(None)
    return [name for name in known if name.startswith(incomplete)]


def known_names(folder: Path | None) -> list[str]:
    """Return the names of all logs that there may be, and of those in `folder`."""
    found = [] if folder is None else [path.stem for path in folder.glob("*.log")]
    return sorted({*PORTS, *MONITORING_PORTS, SUPERVISOR, *found})


def logs(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Print only these logs.",
            show_default="all services",
            autocompletion=complete_names,
        ),
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
    """Print log lines by time, one JSON object per line; those of databases and monitoring in their own form.

    Control characters are printed as JSON escapes them, which means the same to a program.

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
        known = known_names(folder)
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
        sys.stdout.buffer.write(harmless(line))
    sys.stdout.buffer.flush()


def harmless(line: bytes) -> bytes:
    """Return a log line in which no character steers a terminal: each such one is escaped as in JSON."""
    whole = line.removesuffix(b"\n")
    if _PLAIN.fullmatch(whole):
        return line
    return _escaped(whole.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape") + b"\n"


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else json.dumps(c)[1:-1] for c in text)
