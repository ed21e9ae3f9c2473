"""A PostgreSQL and a streaming replica of it, which tests may hurt."""

import tempfile
import time
from pathlib import Path

from embedded import PostgresServer, free_port, make_folder
from embedded.folders import hand_over
from support.servers.hurt import PASSWORD, HurtServer

USER = "vfactory"
# A data directory in memory still goes through every code path of a restart; only the disk's own delay is
# missing, so servers that are killed keep `fsync` as it is.
TUNING = {"shared_buffers": "32MB", "max_connections": "150", "log_min_messages": "panic"}


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
