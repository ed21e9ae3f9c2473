"""What the running stack says of itself in its state directory, and the lock that keeps it the only one."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

import msgspec

from embedded import file_error, make_folder, write_private_file
from vfactory.stack.errors import AlreadyRunningError

LOCK_ATTEMPTS: Final = 20
LOCK_PAUSE_SECONDS: Final = 0.02


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the stack; an external server has no `pid`.

    Args:
        name: `factory-core`, `factory-core-worker`, …, `postgres`, `valkey`, `prometheus`, ….
        kind: `service` (answers /health), `server` (embedded), `monitoring` or `external`.
        where: its URL, without any password, or host:port.
        state: `starting`, `running`, `waiting` (ended, comes back by itself) or `external`.
        pid: process id while it runs.
        created: the process's start, so that a reused id is not taken for it (seconds since 1970).
        restarts: how often it has come back by itself.
        last_end: how it ended the last time, in words.
    """

    name: str
    kind: str
    where: str
    state: str = "starting"
    pid: int | None = None
    created: float | None = None
    restarts: int = 0
    last_end: str | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The whole stack as its supervisor last saw it; `state` is `starting`, `running` or `stopping`."""

    supervisor: int
    state: str
    logs: str
    parts: list[Part]

    def urls(self) -> dict[str, str]:
        """Address of every API and worker by name."""
        return {part.name: part.where for part in self.parts if part.kind == "service"}


def write_record(home: Path, record: Record) -> None:
    """Keep `record`, replacing the one before in one step."""
    text = msgspec.json.format(msgspec.json.encode(record)).decode()
    write_private_file(home / "stack.json", text + "\n")


def read_record(home: Path) -> Record | None:
    """What was last kept; None when there is none, or nothing that can be read as one."""
    try:
        return msgspec.json.decode((home / "stack.json").read_bytes(), type=Record)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError, UnicodeError):
        return None
    except OSError as error:
        raise file_error(error, home / "stack.json") from error


def remove_record(home: Path) -> None:
    """Forget the record of a stack that has ended."""
    (home / "stack.json").unlink(missing_ok=True)


@contextmanager
def sole(home: Path) -> Iterator[None]:
    """Be the only supervisor of `home`; the kernel ends this when the process ends, however it does.

    Raises:
        AlreadyRunningError: there is another one.
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


def supervisor(home: Path) -> int | None:
    """Process id of the supervisor that holds `home` now; None when nobody does."""
    path = home / "lock"
    if not path.exists():
        return None
    with _open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = file.read().strip()
            return int(text) if text.isdecimal() else 0
    return None


def _lock(file: TextIO) -> bool:
    """Lock `file`; somebody who only asks whether it is locked holds it for a moment, too."""
    for _ in range(LOCK_ATTEMPTS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return True
    return False


def _open(path: Path) -> TextIO:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise file_error(error, path) from error
    return os.fdopen(descriptor, "r+", encoding="ascii", errors="replace")
