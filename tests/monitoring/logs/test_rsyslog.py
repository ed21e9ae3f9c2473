"""A real rsyslog reads log files, set aside as the local stack does it, and a real socket gets every line."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
from monitoring.logs.fields import Specification
from monitoring.logs.golden import ROOT, Golden

from embedded import free_port
from utils.logging.rendering import render
from vfactory.stack.logs import LogFile
from vfactory.stack.programs import LIBRARIES, fetch, programs_folder
from vfactory.stack.state import state_directory

CONFIGURATION = ROOT / "monitoring/logs/rsyslog/v-factory.conf"
PACKAGES = ["rsyslog", "libestr0", "libfastjson4", "liblognorm5"]
NEEDED = [
    "rsyslogd",
    *(f"{LIBRARIES}/{name}" for name in ("libestr.so.0", "libfastjson.so.4")),
    *(
        f"{LIBRARIES}/rsyslog/{name}.so"
        for name in ("imfile", "mmjsonparse", "lmnet", "lmnetstrms", "lmtcpclt", "lmnsd_ptcp")
    ),
]
MESSAGE = re.compile(r"<(\d+)>1 (\S+) \S+ (\S+) (\S+) - - (.*)", re.DOTALL)


@dataclass
class Message:
    severity: int
    at: str
    name: str
    process: str
    text: str

    @property
    def fields(self) -> Any:
        return json.loads(self.text)


@dataclass
class Server:
    """A syslog server: messages over TCP, each after its length (RFC 6587)."""

    port: int
    messages: list[Message] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def listening(self) -> Iterator[None]:
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            listener.settimeout(0.1)
            thread = threading.Thread(target=self._accept, args=[listener])
            thread.start()
            try:
                yield
            finally:
                self.closed.set()
                thread.join()

    def _accept(self, listener: socket.socket) -> None:
        while not self.closed.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection, connection.makefile("rb") as stream:
                connection.settimeout(None)
                self._take(stream)

    def _take(self, stream: IO[bytes]) -> None:
        """Take messages until rsyslog closes its only connection."""
        while length := _length(stream):
            found = MESSAGE.fullmatch(stream.read(length).decode())
            assert found is not None
            self.messages.append(Message(int(found[1]) - 128, *found.groups()[1:]))

    def wait_for(self, enough: Callable[[list[Message]], bool]) -> list[Message]:
        deadline = time.monotonic() + 40
        while not enough(self.messages) and time.monotonic() < deadline:
            time.sleep(0.05)
        return list(self.messages)


def _length(stream: IO[bytes]) -> int:
    """The length that stands before a message, 0 at the end."""
    digits = b""
    while (letter := stream.read(1)) not in (b" ", b""):
        digits += letter
    return int(digits or b"0")


@pytest.fixture(scope="session")
def programs() -> Path:
    folder = programs_folder(state_directory()) / "rsyslog"
    if not all((folder / name).exists() for name in NEEDED):
        fetch(PACKAGES, folder)
    return folder


@dataclass
class Host:
    """A folder of logs, and the rsyslog that may read it."""

    programs: Path
    folder: Path
    server: Server

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def command(self, *options: str) -> tuple[list[str], dict[str, str]]:
        modules = self.programs / LIBRARIES / "rsyslog"
        environment = {
            "LD_LIBRARY_PATH": str(self.programs / LIBRARIES),
            "VFACTORY_LOGS": str(self.logs),
            "VFACTORY_LOGS_STATE": str(self.folder / "state"),
            "SYSLOG_HOST": "127.0.0.1",
            "SYSLOG_PORT": str(self.server.port),
            "PATH": os.environ["PATH"],
        }
        program = str(self.programs / "rsyslogd")
        return [program, "-M", str(modules), "-f", str(CONFIGURATION), "-iNONE", *options], environment

    @contextmanager
    def rsyslog(self, stop: signal.Signals = signal.SIGTERM) -> Iterator[subprocess.Popen[bytes]]:
        command, environment = self.command("-n")
        with (self.folder / "said").open("ab") as said:
            process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            yield process
        finally:
            process.send_signal(stop)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log_file(self, limit: int = 10_000_000) -> LogFile:
        return LogFile(self.logs / "factory-core.log", limit=limit, on_loss=lambda lost: b"lost %d\n" % lost)


@pytest.fixture
def host(programs: Path, tmp_path: Path) -> Host:
    for name in ("logs", "state"):
        (tmp_path / name).mkdir()
    return Host(programs, tmp_path, Server(free_port()))


def numbered(first: int, last: int) -> list[bytes]:
    """Lines as the services' logger writes them, each with a number."""
    return [
        render(
            f"2026-01-15T10:30:00.{number:06d}Z",
            20,
            f"{number} 번째 줄",
            {"name": "factory-core"},
            {"seq": number},
        )
        for number in range(first, last)
    ]


def numbers(messages: list[Message]) -> list[int]:
    return [message.fields["seq"] for message in messages]


def all_of(count: int) -> Callable[[list[Message]], bool]:
    return lambda messages: len(messages) >= count and set(numbers(messages)) >= set(range(count))


def test_rsyslog_accepts_the_configuration(host: Host) -> None:
    command, environment = host.command("-N1")
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert "error" not in said.stderr.lower()


def test_every_golden_line_arrives_whole_with_its_time_severity_and_name(
    host: Host, golden: list[Golden], specification: Specification
) -> None:
    file = host.log_file()
    file.write([line.line + b"\n" for line in golden])
    with host.server.listening(), host.rsyslog():
        arrived = host.server.wait_for(lambda messages: len(messages) >= len(golden))
    file.close()
    assert [message.text for message in arrived] == [line.line.decode() for line in golden]
    for line, message in zip(golden, arrived, strict=True):
        if line.fields is None:
            assert (message.severity, message.name) == (6, "-")
            continue
        assert message.fields == line.fields
        assert message.at == line.fields["timestamp"]
        assert message.severity == specification.levels[line.fields["level"]].syslog
        assert (message.name, message.process) == (line.fields["name"], line.fields.get("process", "-"))


def test_no_line_is_lost_while_files_are_set_aside(host: Host) -> None:
    file = host.log_file(limit=60_000)
    with host.server.listening(), host.rsyslog():
        for start in range(0, 2_000, 20):
            file.write(numbered(start, start + 20))
            time.sleep(0.01)
        arrived = host.server.wait_for(all_of(2_000))
    file.close()
    assert (host.logs / "factory-core.log.3").exists()
    assert set(numbers(arrived)) == set(range(2_000))


def test_what_is_written_while_rsyslog_is_dead_and_the_server_away_arrives_later(host: Host) -> None:
    file = host.log_file(limit=60_000)
    file.write(numbered(0, 300))
    with host.rsyslog(stop=signal.SIGKILL):
        file.write(numbered(300, 500))
        time.sleep(1)
    for start in range(500, 1_500, 50):
        file.write(numbered(start, start + 50))
    file.close()
    assert (host.logs / "factory-core.log.2").exists()
    with host.server.listening(), host.rsyslog():
        arrived = host.server.wait_for(all_of(1_500))
    assert set(numbers(arrived)) == set(range(1_500))
