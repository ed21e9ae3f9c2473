"""Finds and ends the processes that a killed supervisor has left running."""

import signal
from pathlib import Path
from typing import Final

import psutil

from embedded import end_processes, is_alive
from vfactory.stack.configuration import POSTGRES
from vfactory.stack.state.stack_record import Part, StackRecord, read_record, remove_record

PATIENCE_SECONDS: Final = 10.0
# create_time is counted in ticks of 10 ms from the boot time, which corrections of the clock move a little.
TOLERANCE_SECONDS: Final = 2.0


def find_orphans(record: StackRecord) -> list[tuple[Part, psutil.Process]]:
    """Return the processes of `record` that still run, without ids that other processes have reused."""
    return [(part, process) for part in record.parts if (process := _find(part)) is not None]


def end_orphans(home: Path) -> list[str]:
    """End the processes that the last supervisor of `home` recorded, services first; return their names."""
    record = read_record(home)
    if record is None:
        return []
    left = find_orphans(record)
    services = [process for part, process in left if part.kind in {"service", "monitoring"}]
    end_processes(services, signal.SIGTERM, patience=PATIENCE_SECONDS)
    for part, process in left:
        if part.kind == "server":
            asking = signal.SIGINT if part.name == POSTGRES else signal.SIGTERM
            end_processes([process], asking, patience=PATIENCE_SECONDS)
    remove_record(home)
    return [part.name for part, _ in left]


def _find(part: Part) -> psutil.Process | None:
    if part.pid is None or part.created is None:
        return None
    try:
        process = psutil.Process(part.pid)
        same = abs(process.create_time() - part.created) < TOLERANCE_SECONDS
    except psutil.NoSuchProcess:
        return None
    return process if same and is_alive(process) else None
