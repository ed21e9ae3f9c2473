"""Finds free ports, and the process that holds a taken one."""

import errno
import random
import socket
from collections.abc import Iterable

import psutil

from embedded.errors import AddressError, PortForbiddenError

_CHANCE = random.SystemRandom()
_BELOW_EPHEMERAL = (20_000, 32_000)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which no process listens at the moment.

    It is below the range for outgoing connections, so that none of them takes it while the server on it
    restarts.
    """
    while True:
        port = _CHANCE.randrange(*_BELOW_EPHEMERAL)
        if is_port_free(port):
            return port


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """Return a free TCP port of 127.0.0.1 for each of `names`, no two the same."""
    ports: dict[str, int] = {}
    for name in names:
        while (port := free_port()) in ports.values():
            pass
        ports[name] = port
    return ports


def is_port_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on `host`:`port` now (connections in TIME_WAIT do not matter).

    Raises:
        AddressError: this machine does not have the address `host`.
        PortForbiddenError: only root may listen on `port`.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except PermissionError as error:
        raise PortForbiddenError(f"Only root may listen on port {port}.") from error
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            return False
        reason = getattr(error, "strerror", None) or error
        raise AddressError(f'"{host}": not an address of this machine ({reason}).') from error
    return True


def port_holder(port: int) -> str | None:
    """Return the name and id of the process that listens on `port`; None if the system does not show it."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return None
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
            continue
        if connection.laddr.port == port:
            return _describe(connection.pid)
    return None


def _describe(pid: int) -> str:
    try:
        return f"{psutil.Process(pid).name()}, process {pid}"
    except psutil.Error:
        return f"process {pid}"
