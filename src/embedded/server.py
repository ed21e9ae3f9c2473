"""The common part of the embedded servers: preparing, starting, waiting and stopping."""

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from embedded.errors import DiskFullError, PortTakenError, ServerFailedError
from embedded.folders import tail
from embedded.ports import is_port_free, port_holder
from embedded.processes import Program, launch

POLL_SECONDS = 0.01


class Server(ABC):
    """A server on 127.0.0.1 that keeps all its files below `directory`.

    `patience` is how many seconds `stop` waits before it kills the server.
    """

    title: str
    stop_signal: signal.Signals
    patience = 20.0

    def __init__(self, directory: Path, *, port: int, password: str, log_file: Path | None = None) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.password = password
        self.log_file = (log_file or self.directory / "server.log").absolute()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the running server; None if it does not run."""
        return self.process.pid if self.process and self.process.poll() is None else None

    def __enter__(self) -> Self:
        """Start; the end of the block stops the server."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout: float = 30) -> None:
        """Start the server and block until it accepts connections.

        Raises:
            EmbeddedError: it cannot start, or is not ready within `timeout` seconds; the text says why.
        """
        self.prepare()
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self.launch(log.fileno())
        self.wait(timeout)

    def launch(self, output: int) -> subprocess.Popen[bytes]:
        """Start the prepared server, which writes its log to the descriptor `output`; return its process.

        Raises:
            PortTakenError: another program listens on the port.
        """
        if not is_port_free(self.port):
            raise PortTakenError(self._taken())
        if self.process is not None:
            self.process.wait()  # reaps the earlier process, which has ended
        self.process = launch(self.program(), output=output)
        return self.process

    def wait(self, timeout: float = 30) -> None:
        """Block until the launched server accepts connections.

        Raises:
            EmbeddedError: it ended, or is not ready within `timeout` seconds; the text says why.
        """
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            if self.pid is None:
                raise self._failure("ended while starting")
            if time.monotonic() > deadline:
                self.stop()
                raise self._failure(f"did not accept connections within {timeout:g} s")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop the server; kill it after `patience` seconds. Does nothing if it was never launched."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(self.patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @abstractmethod
    def prepare(self) -> None:
        """Make the files ready for a start, and end processes that a killed parent left; blocks.

        Raises:
            EmbeddedError: the files cannot be made ready.
        """

    @abstractmethod
    def program(self) -> Program:
        """Return the server's program."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether the launched process accepts connections."""

    def is_leaving(self) -> bool:
        """Return whether the launched process will end once all its clients are gone."""
        return False

    @abstractmethod
    def url(self, database: str) -> str:
        """Return the address for clients, password included."""

    def _taken(self) -> str:
        holder = port_holder(self.port)
        return f"Port {self.port} for {self.title} is taken" + (f" by {holder}." if holder else ".")

    def _failure(self, what: str) -> ServerFailedError | DiskFullError | PortTakenError:
        said = tail(self.log_file)
        if "No space left on device" in said or "Disk quota exceeded" in said:
            return DiskFullError(f"No room left for {self.title} in {self.directory}. Free some.\n{said}")
        if "Address already in use" in said:
            return PortTakenError(self._taken())
        return ServerFailedError(f"{self.title} {what}. Its log, {self.log_file}, ends with:\n{said}")
