"""Starts a sample process and reads what it writes."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import httpx

from support import ROOT

_TESTS = ROOT / "tests"
_PATIENCE = 30.0  # seconds; far beyond what anything here takes, so that a busy machine fails nothing
Line = dict[str, Any]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sample:
    """One running process."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], *, reading: bool = True) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        base = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(_TESTS),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "DATABASE_URL": "postgresql://user:hunter2@127.0.0.1:1/none",
            "DRAIN_SECONDS": "0",
            "SHUTDOWN_SECONDS": "8",
        }
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**base, **environment},
        )
        self.raw: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        self._readers: list[threading.Thread] = []
        if reading:
            self._read("stdout", self.process.stdout)
            self._read("stderr", self.process.stderr)

    def _read(self, name: str, pipe: IO[bytes] | None) -> None:
        assert pipe is not None
        thread = threading.Thread(target=lambda: self.raw[name].extend(iter(pipe.readline, b"")), daemon=True)
        thread.start()
        self._readers.append(thread)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = _PATIENCE) -> int:
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(_PATIENCE)
        return code

    def lines(self, stream: str | None = None) -> list[Line]:
        """Return all lines so far; every one must be a JSON object with the guide's four fields."""
        raw = [line for name in ([stream] if stream else self.raw) for line in list(self.raw[name])]
        return [parse_line(line) for line in raw]

    def messages(self) -> list[str]:
        return [line["message"] for line in self.lines()]

    def wait_for(self, condition: Callable[[Line], bool]) -> Line:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            found = next((line for line in self.lines() if condition(line)), None)
            if found is not None:
                return found
            time.sleep(0.02)
        raise AssertionError(f"no such line among {self.raw}")

    def wait_for_message(self, message: str) -> Line:
        return self.wait_for(lambda line: line["message"] == message)

    def wait_until_it_answers(self, path: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                self.get(path)
            except httpx.ConnectError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("it never answered")

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=_PATIENCE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


def parse_line(line: bytes) -> Line:
    fields = json.loads(line)
    assert list(fields)[:4] == ["timestamp", "level", "name", "message"], line
    assert isinstance(fields, dict)
    return fields


@contextmanager
def sample(command: str, *, reading: bool = True, **environment: str) -> Iterator[Sample]:
    """Run a command of the sample service."""
    with python("-m", "support.kit.sample", command, reading=reading, **environment) as process:
        yield process


@contextmanager
def python(*arguments: str, reading: bool = True, **environment: str) -> Iterator[Sample]:
    """Run any program of ours."""
    process = Sample(list(arguments), environment, reading=reading)
    try:
        yield process
    finally:
        process.close()
