"""Starts programs that end with this process, and ends those that a killed process left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from embedded import launcher
from embedded.identity import MYSELF, Identity

POLL_SECONDS = 0.01
# The kernel sends a death signal when the *thread* that forked ends: this thread lives as long as the
# process.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


@dataclass(frozen=True)
class Program:
    """A command with its folder, environment and identity; only it sees `shared_files` below /usr/share."""

    command: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    identity: Identity = MYSELF
    death_signal: int = signal.SIGTERM
    shared_files: Path | None = None


def launch(
    program: Program,
    *,
    output: int | IO[bytes] | None = None,
    errors: int | IO[bytes] | None = None,
    text: str = "",
) -> subprocess.Popen[bytes]:
    """Start `program` in a session of its own; it gets its death signal however this process ends.

    Args:
        program: the program to run.
        output: where its standard output goes; by default it is discarded.
        errors: where its standard error goes; by default to the same place as `output`.
        text: its standard input; small enough for a pipe (4,096 bytes).
    """
    command = [
        *(sys.executable, "-I", "-S", launcher.__file__),
        *("--mode", program.identity.mode),
        *("--uid", str(program.identity.uid)),
        *("--gid", str(program.identity.gid)),
        *("--death-signal", str(int(program.death_signal)), "--parent", str(os.getpid())),
        *(("--shared-files", str(program.shared_files)) if program.shared_files else ()),
        *("--directory", str(program.directory), "--", *program.command),
    ]
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    start: Callable[[], subprocess.Popen[bytes]] = lambda: subprocess.Popen(  # noqa: E731, S603 - own programs
        command,
        stdin=reading,
        stdout=subprocess.DEVNULL if output is None else output,
        stderr=subprocess.STDOUT if errors is None else errors,
        env=dict(program.environment),
        umask=0o077,
        start_new_session=True,
    )
    try:
        return _spawner.submit(start).result()
    finally:
        os.close(reading)


def find_processes(name: str, directory: Path) -> list[psutil.Process]:
    """Return all processes whose name begins with `name` and whose working directory is `directory`."""
    found = []
    for process in psutil.process_iter(["name"]):
        if not process.info["name"].startswith(name):
            continue
        try:
            if Path(process.cwd()) == directory.resolve():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end_processes(found: Sequence[psutil.Process], number: signal.Signals, *, patience: float) -> None:
    """Signal the processes `found`, and kill those that still run after `patience` seconds."""
    for process in found:
        _signal(process, number)
    for process in _left_after(found, patience):
        _signal(process, signal.SIGKILL)
    _left_after(found, 5)


def _left_after(found: Sequence[psutil.Process], patience: float) -> list[psutil.Process]:
    deadline = time.monotonic() + patience
    while (left := [process for process in found if is_alive(process)]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return left


def is_alive(process: psutil.Process) -> bool:
    """Return whether `process` runs; a zombie (ended but not yet waited for) does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
    except psutil.NoSuchProcess:
        return
