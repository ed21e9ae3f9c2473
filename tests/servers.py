"""Real servers and processes for tests, and every way to hurt them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Generic, Self, TypeVar

import httpx
import psutil

from embedded import PostgresServer, Server, ValkeyServer, free_port, make_folder
from embedded.folders import hand_over

USER = "vfactory"
PASSWORD = "for-tests-only"
READY_SECONDS = 40.0
ServerT = TypeVar("ServerT", bound=Server)
# A data directory in memory still goes through every code path of a restart; only the disk's own delay is
# missing, so servers that are killed keep `fsync` as it is.
TUNING = {"shared_buffers": "32MB", "max_connections": "150", "log_min_messages": "panic"}


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


class Postgres(HurtServer[PostgresServer]):
    """One PostgreSQL."""

    def __init__(self, directory: Path, server: PostgresServer | None = None) -> None:
        super().__init__(
            server or PostgresServer(directory, port=free_port(), password=PASSWORD, user=USER, tuning=TUNING)
        )

    def url(self, database: str = "postgres") -> str:
        return self.server.url(database)

    def sql(self, statement: str) -> str:
        """Run one statement as the superuser, on a connection of its own."""
        return self.server.ask(statement)

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database and give its URL."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def terminate_sessions(self, database: str | None = None) -> None:
        """End every client's session, as an administrator or a failing proxy would."""
        only = f"AND datname = '{database}'" if database else ""
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "  # noqa: S608 - names are the tests' own
            f"WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() {only}"
        )

    def change_password(self, password: str) -> None:
        self.sql(f"ALTER ROLE {USER} PASSWORD '{password}'")
        self.server.password = password


class ReplicaServer(PostgresServer):
    """A streaming replica of another server, on 127.0.0.1."""

    def __init__(self, directory: Path, primary: PostgresServer) -> None:
        tuning = {**primary.tuning, "wal_retrieve_retry_interval": "100ms", "hot_standby": "on"}
        super().__init__(directory, port=free_port(), password=primary.password, user=USER, tuning=tuning)
        self._primary = primary

    def copy(self) -> None:
        """Make the data directory: a copy of the running primary's that goes on with its log."""
        make_folder(self.directory)
        copied = Path(tempfile.mkdtemp(prefix="copied-", dir=self.directory))
        hand_over(copied, *self.identity.owner)
        command = ["--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream", "--no-sync"]
        target = ("-D", str(copied / "data"), "-d", self._primary.url())
        self._run(self._program("pg_basebackup", *command, *target))
        (copied / "data").rename(self.data)

    def is_ready(self) -> bool:
        """Whether it takes read-only connections, or all once it is promoted."""
        return self._state() in {"standby", "ready"}


class Replica(Postgres):
    """A read replica that tests may hold back, stop, freeze and promote."""

    def __init__(self, directory: Path, primary: Postgres) -> None:
        server = ReplicaServer(directory, primary.server)
        server.copy()
        super().__init__(directory, server)
        self.primary = primary

    def hold_back(self) -> None:
        """Replay nothing more of the primary's log until `catch_up`."""
        self.sql("SELECT pg_wal_replay_pause()")
        while self.sql("SELECT pg_get_wal_replay_pause_state()") != "paused":
            time.sleep(0.01)

    def catch_up(self, timeout: float = 20) -> None:
        """Replay what the primary has by now; it must be running."""
        self.sql("SELECT CASE WHEN pg_is_wal_replay_paused() THEN pg_wal_replay_resume() END")
        end, deadline = self.primary.sql("SELECT pg_current_wal_flush_lsn()"), time.monotonic() + timeout
        while self.sql(f"SELECT pg_last_wal_replay_lsn() >= '{end}'") != "t":
            assert time.monotonic() < deadline, "the replica does not catch up"
            time.sleep(0.01)

    def promote(self) -> None:
        """Make it a primary of its own; it is no replica after that."""
        assert self.sql("SELECT pg_promote()") == "t"


class Valkey(HurtServer[ValkeyServer]):
    """One Valkey, which tests may empty as well."""

    def __init__(self, directory: Path) -> None:
        super().__init__(ValkeyServer(directory, port=free_port(), password=PASSWORD))

    def url(self) -> str:
        return self.server.url()

    def command(self, *words: str) -> bytes:
        """Send one command on a connection of its own and give the first bytes of its answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            for command in (("AUTH", self.server.password), words):
                parts = [f"*{len(command)}\r\n", *(f"${len(w.encode())}\r\n{w}\r\n" for w in command)]
                connection.sendall("".join(parts).encode())
                answer = connection.recv(65536)
        return answer

    def flush(self) -> None:
        """Lose everything, as Redis may at any time."""
        self.command("FLUSHALL")

    def terminate_sessions(self) -> None:
        self.command("CLIENT", "KILL", "TYPE", "normal")
        self.command("CLIENT", "KILL", "TYPE", "pubsub")

    def change_password(self, password: str) -> None:
        self.command("CONFIG", "SET", "requirepass", password)
        self.server.password = password


class RunningProcess:
    """A process of ours on a free port, with every line it writes.

    Unpacks into (base_url, process, lines).
    """

    def __init__(
        self, module: str, command: str, environment: Mapping[str, str], *, cwd: Path, port: int | None = None
    ) -> None:
        self.port = port or free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, command],
            env={**environment, "HOST": "127.0.0.1", "PORT": str(self.port)},
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._readers = [
            self._reader(self.process.stdout, self.stdout),
            self._reader(self.process.stderr, self.stderr),
        ]

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        return iter((self.base_url, self.process, self.lines))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait_ready(self, path: str = "/health/live") -> Self:
        """Wait until the process answers; fails with its log when it ends or takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        with httpx.Client(timeout=2) as client:
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    break
                with contextlib.suppress(httpx.TransportError):
                    client.get(self.base_url + path)
                    return self
                time.sleep(0.03)
        self.kill()
        raise AssertionError("the process did not become ready:\n" + "\n".join(self.lines[-40:]))

    def wait_exit(self, timeout: float = 20) -> int:
        """Wait for the process to end by itself and give its exit code."""
        code = self.process.wait(timeout)
        self._drain()
        return code

    def stop(self, timeout: float = 20) -> int:
        """End the process cleanly (SIGTERM) and give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.wait_exit(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the process did not end:\n" + "\n".join(self.lines[-40:])) from None

    def kill(self) -> None:
        """End the process at once (SIGKILL)."""
        self.process.kill()
        self.process.wait()
        self._drain()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def _reader(self, pipe: IO[bytes] | None, into: list[str]) -> threading.Thread:
        assert pipe is not None

        def read() -> None:
            with pipe:
                for line in pipe:
                    text = line.decode("utf-8", "replace").rstrip("\n")
                    into.append(text)
                    self.lines.append(text)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def _drain(self) -> None:
        for reader in self._readers:
            reader.join(5)


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
