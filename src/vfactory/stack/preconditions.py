"""Checks that the stack can start: disk space and free ports."""

import shutil
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from embedded import (
    AddressError,
    DiskFullError,
    PortForbiddenError,
    PortTakenError,
    is_port_free,
    port_holder,
)
from vfactory.stack.configuration import MEBIBYTE, POSTGRES, VALKEY, Configuration, port_variable
from vfactory.stack.errors import SettingError

LEAST_FREE_BYTES: Final = 128 * MEBIBYTE


def check(configuration: Configuration) -> None:
    """Check disk space and ports.

    Raises:
        DiskFullError, PortTakenError, SettingError: the stack cannot start; the text says what to do.
    """
    check_room(configuration.data)
    check_ports(configuration)


def check_room(folder: Path) -> None:
    """Check that the disk has room for an empty database.

    Raises:
        DiskFullError: it has not.
    """
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise DiskFullError(
            f"The disk of {folder} is full: {free // MEBIBYTE} MiB are free, at least "
            f"{LEAST_FREE_BYTES // MEBIBYTE} MiB are needed. Free some."
        )


def check_ports(configuration: Configuration) -> None:
    """Check that every port of the stack's parts is free.

    Raises:
        PortTakenError: some are taken; it names each and the setting that changes it.
        SettingError: the host is not this machine's, or only root may use a port; it names the setting.
    """
    taken = []
    for name in configuration.parts():
        host = "127.0.0.1" if name in {POSTGRES, VALKEY} else configuration.host
        port = configuration.ports[name]
        settings = f"--{name}-port or {port_variable(name)}"
        try:
            is_free = is_port_free(port, host)
        except AddressError as error:
            raise SettingError(f"VFACTORY_HOST {error}") from error
        except PortForbiddenError as error:
            raise SettingError(f"{name}: {error} Choose another with {settings}.") from error
        if not is_free:
            holder = port_holder(port)
            by = f" by {holder}" if holder else ""
            taken.append(f"Port {port} for {name} is taken{by}. Free it, or choose another with {settings}.")
    if taken:
        raise PortTakenError("\n".join(taken))


def place(url: str | None) -> str:
    """Return host and port of `url`, without user and password."""
    parts = urlsplit(url or "")
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
