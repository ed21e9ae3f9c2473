"""`stack.json` in the state directory: what the running stack says of itself."""

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
        state: `starting`, `running`, `waiting` (ended, is started again) or `external`.
        pid: process id while it runs.
        created: the process's start, so that a reused id is not taken for it (seconds since 1970).
        restarts: how often it was started again.
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


class StackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The whole stack as its supervisor last saw it; `state` is `starting`, `running` or `stopping`."""

    supervisor: int
    state: str
    logs: str
    parts: list[Part]

    def urls(self) -> dict[str, str]:
        """Return the address of every API and worker by name."""
        return {part.name: part.where for part in self.parts if part.kind == "service"}


def write_record(home: Path, record: StackRecord) -> None:
    """Write `record`, replacing the one before in one step."""
    text = msgspec.json.format(msgspec.json.encode(record)).decode()
    write_private_file(home / FILE, text + "\n")


def read_record(home: Path) -> StackRecord | None:
    """Return the record that was written last; None when there is none, or the file holds something else."""
    try:
        return msgspec.json.decode((home / FILE).read_bytes(), type=StackRecord)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError, UnicodeError):
        return None
    except OSError as error:
        raise file_error(error, home / FILE) from error


def remove_record(home: Path) -> None:
    """Remove the record of a stack that has ended."""
    (home / FILE).unlink(missing_ok=True)
