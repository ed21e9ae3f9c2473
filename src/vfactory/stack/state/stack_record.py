"""`stack.json` in the state directory: the record of the running stack's processes."""

from pathlib import Path
from typing import Final

import msgspec

from embedded import file_error, write_private_file

FILE: Final = "stack.json"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the stack; an external server has no `pid`.

    Args:
        name: `factory-core`, `factory-core-worker`, …, `postgres`, `valkey`, `prometheus`, ….
        kind: `service` (answers /health), `server` (embedded), `monitoring` or `external`.
        where: its URL, without any password, or host:port.
        state: `starting`, `running`, `waiting` (for a restart), `ended` or `external`.
        pid: the process id while it runs.
        created: the process's start in seconds since 1970, by which a reused id is recognized.
        restarts: how often it was restarted.
        last_end: how it last ended, in words.
    """

    name: str
    kind: str
    where: str
    state: str = "starting"
    pid: int | None = None
    created: float | None = None
    restarts: int = 0
    last_end: str | None = None


class StackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The whole stack, as its supervisor last recorded it.

    Args:
        supervisor: the supervisor's process id.
        state: `starting`, `running` or `stopping`.
        logs: the folder of the log files.
        parts: every process of the stack.
        missing: the programs of the monitoring that do not run, by name, with the reason.
    """

    supervisor: int
    state: str
    logs: str
    parts: list[Part]
    missing: dict[str, str] = {}

    def urls(self) -> dict[str, str]:
        """Return the addresses of all APIs and workers, by name."""
        return {part.name: part.where for part in self.parts if part.kind == "service"}


def write_record(home: Path, record: StackRecord) -> None:
    """Write `record`, replacing the previous one in one step.

    Raises:
        AccessError, DiskFullError: the file cannot be written.
    """
    text = msgspec.json.format(msgspec.json.encode(record)).decode()
    write_private_file(home / FILE, text + "\n")


def read_record(home: Path) -> StackRecord | None:
    """Return the record that was written last; None if there is none, or the file is damaged.

    Raises:
        AccessError: the file cannot be read.
    """
    try:
        return msgspec.json.decode((home / FILE).read_bytes(), type=StackRecord)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError, UnicodeError):
        return None
    except OSError as error:
        raise file_error(error, home / FILE) from error


def remove_record(home: Path) -> None:
    """Remove the record of a stack that has ended."""
    (home / FILE).unlink(missing_ok=True)
