"""Checks the health of the running processes."""

import http.client
import re
import socket
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from vfactory.stack.configuration import POSTGRES, VALKEY

# Requests that need no password: PostgreSQL's SSLRequest, and Valkey's PING.
GREETINGS: Final = {POSTGRES: b"\x00\x00\x00\x08\x04\xd2\x16\x2f", VALKEY: b"PING\r\n"}

_WRITE_FAULT: Final = re.compile(
    r'^vfactory_dependency_write_fault\{dependency="([a-z]+)",fault="([a-z -]+)"\} 1\.0$', re.MULTILINE
)

_IMPAIRED: Final = re.compile(
    r'^vfactory_consumer_impaired_factories\{publisher="[a-z-]+"\} ([0-9]+)\.0$', re.MULTILINE
)

READY_PATHS: Final = {"prometheus": "/-/ready", "alertmanager": "/-/ready"}


@dataclass(frozen=True)
class HealthAnswer:
    """The answer of /health: its HTTP status (None without an answer) and body, or the obstacle to one."""

    status: int | None
    body: dict[str, Any]
    obstacle: str | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether all dependencies of the service are there."""
        return self.status == http.HTTPStatus.OK

    def describe(self) -> str:
        """Return the answer as one line for people."""
        if self.obstacle:
            return self.obstacle
        errors = [
            f"{key.removesuffix('_error')}: {text}" for key, text in self.body.items() if "_error" in key
        ]
        return ", ".join(errors) or str(self.body.get("status", f"HTTP {self.status}"))


def ask_health(url: str, *, timeout: float = 2.0) -> HealthAnswer:
    """Return the answer to GET /health of the service at `url`; never raises."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", "/health")
        response = connection.getresponse()
        body = msgspec.json.decode(response.read())
    except (msgspec.DecodeError, UnicodeError):
        return HealthAnswer(None, {}, "another program answers there")
    except (OSError, http.client.HTTPException) as error:
        return HealthAnswer(
            None, {}, f"no answer ({getattr(error, 'strerror', None) or type(error).__name__})"
        )
    finally:
        connection.close()
    return HealthAnswer(response.status, body if isinstance(body, dict) else {})


def ask_troubles(url: str, *, timeout: float = 2.0) -> list[str]:
    """Return what troubles the process at `url` though it is healthy; never raises."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", "/metrics")
        return troubles(connection.getresponse().read().decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException):
        return []
    finally:
        connection.close()


def troubles(metrics: str) -> list[str]:
    """Return what troubles a process though it is healthy, from its metrics: one part of a sentence each."""
    found = []
    if faults := _WRITE_FAULT.findall(metrics):
        found.append("takes no writes: " + ", ".join(f"{what}: {fault}" for what, fault in faults))
    impaired = sum(map(int, _IMPAIRED.findall(metrics)))
    if impaired:
        factories = "1 factory is" if impaired == 1 else f"{impaired} factories are"
        found.append(f"{factories} impaired: see vfactory set-aside list")
    return found


def is_monitoring_ready(name: str, url: str, *, timeout: float = 1.0) -> bool:
    """Return whether the monitoring program `name` at `url` answers that it is ready."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", READY_PATHS.get(name, "/"))
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def accepts_connections(where: str, *, timeout: float = 1.0) -> bool:
    """Return whether a process accepts connections at `where` (host:port)."""
    host, _, port = where.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=timeout):
            return True
    except OSError:
        return False


def server_answers(name: str, where: str, *, timeout: float = 1.0) -> bool:
    """Return whether the server `name` at `where` (host:port) answers; a hung one only connects."""
    host, _, port = where.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=timeout) as connection:
            connection.sendall(GREETINGS[name])
            return bool(connection.recv(1))
    except OSError:
        return False
