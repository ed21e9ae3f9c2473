"""Every way to hurt a server."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Generic, TypeVar

import psutil

from embedded import Server

PASSWORD = "for-tests-only"
ServerT = TypeVar("ServerT", bound=Server)


class HurtServer(Generic[ServerT]):
    """A server that tests may stop, stop hard, freeze, restart, and lock themselves out of."""

    def __init__(self, server: ServerT) -> None:
        self.server = server

    @property
    def directory(self) -> Path:
        return self.server.directory

    @property
    def port(self) -> int:
        return self.server.port

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """End every process of the server with SIGKILL, as a power cut would."""
        kill_all(self.server.process)

    def pause(self) -> None:
        """Freeze the server (SIGSTOP): connections stay open and nothing answers."""
        signal_all(self.server.process, signal.SIGSTOP)

    def resume(self) -> None:
        signal_all(self.server.process, signal.SIGCONT)

    def change_password(self, password: str) -> None:
        """Change the password that every client uses; `server.password`, and so `url`, follow."""
        raise NotImplementedError

    def heal(self) -> None:
        """Bring the server back to how every test expects it."""
        if self.server.pid is None:
            self.start()
        self.resume()
        if self.server.password != PASSWORD:
            self.change_password(PASSWORD)


def tree(process: "subprocess.Popen[bytes] | None") -> list[psutil.Process]:
    """Give a process and all its descendants, the parent first."""
    if process is None or process.poll() is not None:
        return []
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def signal_all(process: "subprocess.Popen[bytes] | None", number: signal.Signals) -> None:
    for member in tree(process):
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            os.kill(member.pid, number)


def kill_all(process: "subprocess.Popen[bytes] | None") -> None:
    members = tree(process)
    signal_all(process, signal.SIGKILL)
    if process is not None:
        process.wait()
    psutil.wait_procs(members, timeout=10)
