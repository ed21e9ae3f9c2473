"""HAProxy as the cluster's way to the pods: for each service once as its Ingress, once as its Service.

Both lead to the same pods. The Ingress balances requests (HTTP); the Service balances connections (TCP), as
kube-proxy does, so that a client who keeps its connection stays with its pod. Neither tries anything again:
whatever a pod refuses or breaks off, its client sees.
"""

import csv
import os
import socket
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded import Program, free_port, launch
from vfactory.stack.programs import LIBRARIES, PackagedProgram, fetch, find_program, programs_folder
from vfactory.stack.state import state_directory

HAPROXY: Final = PackagedProgram("haproxy", "haproxy")
PACKAGES: Final = ("haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1")
SLOTS: Final = 8
READY_SECONDS: Final = 10.0
HEAD: Final = """\
global
    stats socket {socket} level admin
    maxconn 2000
defaults
    timeout connect 3s
    timeout client 1h
    timeout server 1h
    retries 0
"""
SECTION: Final = """\
listen {name}
    mode {mode}
    bind 127.0.0.1:{port}
    balance {balance}
{slots}
"""
SLOT: Final = "    server slot{number} 127.0.0.1:1 disabled"
COUNTED: Final = {
    "connections refused": "econ",
    "answers broken off": "eresp",
    "tried again": "wretr",
    "sent to another": "wredis",
}


@dataclass(frozen=True)
class Front:
    """Where the clients of one service go."""

    ingress: int
    service: int


class Proxy:
    """One HAProxy; `add` and `remove` do what an endpoint's controller does."""

    def __init__(self, folder: Path, services: Iterable[str]) -> None:
        self._folder = folder
        self._socket = folder / "haproxy.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._slots: dict[tuple[str, int], int] = {}
        self.fronts = {service: Front(free_port(), free_port()) for service in services}

    def start(self) -> None:
        """Start, and block until it takes commands; ProgramsError when there is no HAProxy to be had."""
        path = find_program(HAPROXY, state_directory())
        if path is None:
            fetch(PACKAGES, programs_folder(state_directory()))
            path = programs_folder(state_directory()) / HAPROXY.name
        configuration = self._folder / "haproxy.cfg"
        configuration.write_text(self._configuration(), encoding="utf-8")
        program = Program(
            command=[str(path), "-db", "-f", str(configuration)],
            directory=self._folder,
            environment={"PATH": os.defpath, "LD_LIBRARY_PATH": str(path.parent / LIBRARIES)},
        )
        with (self._folder / "haproxy.log").open("wb") as log:
            self._process = launch(program, output=log)
        self._wait()

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def add(self, service: str, port: int) -> None:
        """Let new requests and connections go to the pod on this port."""
        taken = {slot for (name, _), slot in self._slots.items() if name == service}
        slot = self._slots[service, port] = min(set(range(SLOTS)) - taken)
        for section in self._sections(service):
            self._tell(f"set server {section}/slot{slot} addr 127.0.0.1 port {port}")
            self._tell(f"set server {section}/slot{slot} state ready")

    def remove(self, service: str, port: int) -> None:
        """Let nothing new go to the pod on this port; what is open stays open."""
        for section in self._sections(service):
            self._tell(f"set server {section}/slot{self._slots[service, port]} state drain")

    def forget(self, service: str, port: int) -> None:
        """Free the place of a pod that has ended."""
        slot = self._slots.pop((service, port))
        for section in self._sections(service):
            self._tell(f"set server {section}/slot{slot} state maint")

    def troubles(self) -> dict[str, int]:
        """Count what went wrong between the proxy and the pods, and what it tried again."""
        table = csv.DictReader(self._ask("show stat").lstrip("# ").splitlines())
        rows = [row for row in table if row["svname"] == "BACKEND"]
        return {what: sum(int(row[column] or 0) for row in rows) for what, column in COUNTED.items()}

    def _configuration(self) -> str:
        slots = "\n".join(SLOT.format(number=number) for number in range(SLOTS))
        sections = [
            SECTION.format(name=name, mode=mode, port=port, balance=balance, slots=slots)
            for service, front in self.fronts.items()
            for name, mode, port, balance in (
                (f"{service}-ingress", "http", front.ingress, "roundrobin"),
                (f"{service}-service", "tcp", front.service, "random"),
            )
        ]
        return HEAD.format(socket=self._socket) + "".join(sections)

    def _sections(self, service: str) -> tuple[str, str]:
        return f"{service}-ingress", f"{service}-service"

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._socket.exists():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                said = (self._folder / "haproxy.log").read_text("utf-8", "replace")
                raise RuntimeError(f"HAProxy did not start: {said.strip()[-2000:]}")
            time.sleep(0.02)

    def _tell(self, command: str) -> None:
        answer = self._ask(command).strip()
        if answer and not answer.startswith("IP changed") and "changed from" not in answer:
            raise RuntimeError(f"HAProxy refused `{command}`: {answer}")

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._socket))
            connection.sendall(command.encode() + b"\n")
            return connection.makefile("rb").read().decode()
