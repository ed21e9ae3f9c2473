"""What can be known to go wrong before anything is started."""

import shutil
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from embedded import DiskFullError, PortTakenError, is_port_free, port_holder
from vfactory.stack.configuration import MEBIBYTE, POSTGRES, VALKEY, Configuration, port_variable

LEAST_FREE_BYTES: Final = 128 * MEBIBYTE


def check(configuration: Configuration) -> None:
    """Refuse to start without room or ports; the error says what to do."""
    check_room(configuration.data)
    check_ports(configuration)


def check_room(folder: Path) -> None:
    """DiskFullError when there is not even room for an empty database."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise DiskFullError(
            f"The disk of {folder} is full: {free // MEBIBYTE} MiB are free, at least "
            f"{LEAST_FREE_BYTES // MEBIBYTE} MiB are needed. Free some."
        )


def check_ports(configuration: Configuration) -> None:
    """PortTakenError naming every port that another program listens on, and what moves it."""
    taken = []
    for name in configuration.parts():
        host = "127.0.0.1" if name in {POSTGRES, VALKEY} else configuration.host
        port = configuration.ports[name]
        if not is_port_free(port, host):
            holder = port_holder(port)
            by = f" by {holder}" if holder else ""
            taken.append(
                f"Port {port} for {name} is taken{by}. Free it, or choose another with --{name}-port or "
                f"{port_variable(name)}."
            )
    if taken:
        raise PortTakenError("\n".join(taken))


def place(url: str | None) -> str:
    """Return host and port of `url`, without user and password."""
    parts = urlsplit(url or "")
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
