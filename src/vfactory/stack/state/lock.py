"""The lock of the state directory: it admits one supervisor at a time, and names it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from embedded import file_error, make_folder
from vfactory.stack.errors import AlreadyRunningError

LOCK_ATTEMPTS: Final = 20
LOCK_PAUSE_SECONDS: Final = 0.02


@contextmanager
def hold_lock(home: Path) -> Iterator[None]:
    """Hold the lock of `home`, for its only supervisor; the kernel releases it however the process ends.

    Raises:
        AlreadyRunningError: another process holds the lock.
    """
    path = make_folder(home) / "lock"
    with _open(path) as file:
        if not _lock(file):
            raise AlreadyRunningError(
                f"V-Factory runs in {home} already (process {file.read().strip() or 'unknown'}). "
                "Stop it with `vfactory down`, or choose another folder with VFACTORY_HOME."
            )
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def find_supervisor(home: Path) -> int | None:
    """Return the id of the process that holds the lock of `home`: 0 if not yet written, None if none does.

    Raises:
        AccessError: the folder cannot be read or used.
    """
    path = home / "lock"
    if not _is_there(path):
        return None
    with _open(path, os.O_RDONLY) as file:  # so that a folder that cannot be written is no obstacle
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = file.read().strip()
            return int(text) if text.isdecimal() else 0
    return None


def _lock(file: TextIO) -> bool:
    """Lock `file`, with retries, as `find_supervisor` locks it for a moment too; return whether it worked."""
    for _ in range(LOCK_ATTEMPTS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return True
    return False


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise file_error(error, path.parent) from error


def _open(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> TextIO:
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise file_error(error, path) from error
    if flags == os.O_RDONLY:
        return os.fdopen(descriptor, "r", encoding="ascii", errors="replace")
    return os.fdopen(descriptor, "r+", encoding="ascii", errors="replace")
