import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from embedded import (
    AccessError,
    DamagedDataError,
    EmbeddedError,
    PortTakenError,
    PostgresServer,
    ServerFailedError,
    StatementError,
    free_port,
    is_alive,
    postgres_binary,
)
from embedded.identity import candidates

USER = "the owner"
PASSWORD = "a b'c\"d%e/:@"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server whose data directory is made once, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("a b") / "pg"
    server = PostgresServer(folder, port=free_port(), password=PASSWORD, user=USER)
    server.prepare()
    yield server
    server.stop()


@pytest.mark.parametrize("odd", ['h"d', "h'd\\", "h\nd\n", "h\x85d%$"])
def test_its_folder_may_hold_any_character(tmp_path: Path, odd: str) -> None:
    with PostgresServer(tmp_path / odd, port=free_port(), password=PASSWORD) as server:
        assert server.ask("SHOW data_directory") == str(server.data)


@pytest.fixture
def server(made: PostgresServer) -> Iterator[PostgresServer]:
    made.start()
    yield made
    made.stop()


async def ask(server: PostgresServer, statement: str, *, password: str = PASSWORD) -> object:
    known, server.password = server.password, password
    url = server.url()
    server.password = known
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_it_is_postgresql_18_with_fsync_and_c_utf8(server: PostgresServer) -> None:
    assert str(await ask(server, "show server_version")).startswith("18.")
    assert await ask(server, "show fsync") == "on"
    assert await ask(server, "show synchronous_commit") == "on"
    assert await ask(server, "show unix_socket_directories") == ""
    assert await ask(server, "show listen_addresses") == "127.0.0.1"
    wanted = "select datlocprovider::text || datlocale from pg_database where datname = 'postgres'"
    assert await ask(server, wanted) == "bC.UTF-8"
    assert await ask(server, "select upper('é안')") == "É안"


async def test_it_asks_for_the_password(server: PostgresServer) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(server, "select 1", password="wrong")
    kept = await ask(server, "select rolpassword from pg_authid where rolname = current_user")
    assert str(kept).startswith("SCRAM")


async def test_the_superuser_is_called_as_told(server: PostgresServer) -> None:
    assert await ask(server, "select rolname from pg_roles where rolsuper") == USER


def test_only_the_data_directory_is_another_users(server: PostgresServer) -> None:
    assert server.directory.stat().st_uid == os.geteuid()
    assert server.data.stat().st_uid == server.identity.owner[0]
    assert server.data.stat().st_mode & 0o077 == 0


def test_a_database_is_created_once_whatever_its_name(server: PostgresServer) -> None:
    for _ in range(2):
        server.create_database("""it's "odd" 하나""")


async def test_data_survives_a_killed_server_and_its_restart(server: PostgresServer) -> None:
    await ask(server, "create table kept as select 42 as answer")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.start()
    assert await ask(server, "select answer from kept") == 42


async def test_a_lost_password_is_replaced_on_the_stopped_server(made: PostgresServer) -> None:
    made.password = "new-" + PASSWORD
    made.reset_password()
    made.start()
    assert await ask(made, "select 1", password="new-" + PASSWORD) == 1
    made.stop()
    made.password = PASSWORD
    made.reset_password()


def test_a_stopped_process_is_woken_to_stop(server: PostgresServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    server.stop()
    assert server.pid is None


def test_a_refused_statement_is_told_with_the_reason(server: PostgresServer) -> None:
    assert server.ask("SELECT 1") == "1"
    with pytest.raises(StatementError, match="does not exist"):
        server.ask("SELECT * FROM nowhere")


def test_it_runs_as_long_as_its_block_however_that_ends(made: PostgresServer) -> None:
    with made as running:
        assert running.is_ready()
    assert made.pid is None
    made.password = "not the one"
    with pytest.raises(StatementError), made:
        made.ask("SELECT 1")
    assert made.pid is None
    made.password = PASSWORD


def test_stopping_what_does_not_run_does_nothing(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, port=1, password=PASSWORD)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        server.data.mkdir()
        lock = server.data / "postmaster.pid"
        lock.write_text(f"{bystander.pid}\n{server.data}\n0\n1\n\n127.0.0.1\n  1 2\nready\n")
        server.stop()
        assert server.pid is None
        assert bystander.poll() is None
        assert list(tmp_path.rglob("*")) == [server.data, lock]
        assert bystander.stdin is not None
        bystander.stdin.write(b"\n")
        bystander.stdin.flush()
        assert bystander.wait(20) == 0


def test_a_taken_port_is_named(made: PostgresServer) -> None:
    with socket.create_server(("127.0.0.1", made.port)), pytest.raises(PortTakenError, match=str(made.port)):
        made.start()


def test_a_reused_process_id_in_the_lock_file_does_not_hinder(made: PostgresServer) -> None:
    lock = made.data / "postmaster.pid"
    lock.write_text(f"{os.getppid()}\n{made.data}\n0\n{made.port}\n\n127.0.0.1\n  1 2\nready\n")
    made.start()
    made.stop()


ORPHANER = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from embedded import PostgresServer
server = PostgresServer(Path(sys.argv[1]), port=int(sys.argv[2]), password=sys.argv[3])
ordinary = server.program
server.prepare()
program = ordinary()
server.program = lambda: replace(program, death_signal=0)
with open(server.log_file, "ab") as log:
    server.launch(log.fileno())
server.wait()
print(server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_a_server_that_outlived_its_parent_is_replaced_by_ours(made: PostgresServer) -> None:
    command = [sys.executable, "-c", ORPHANER, str(made.directory), str(made.port), made.password]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    orphan = psutil.Process(int(done.stdout))
    assert is_alive(orphan)
    made.start()
    assert not is_alive(orphan)
    assert await ask(made, "select 1") == 1
    made.stop()


def test_backends_that_outlived_a_killed_server_are_ended(server: PostgresServer) -> None:
    backends = psutil.Process(server.pid).children()
    for backend in backends:
        backend.suspend()  # so that they do not notice
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert server.process is not None
    server.process.wait()
    server.start()
    assert not any(is_alive(backend) for backend in backends)


def test_a_making_that_was_killed_in_the_middle_is_begun_anew(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "pg", port=free_port(), password=PASSWORD)
    code = "import sys; from pathlib import Path; from embedded import PostgresServer\n"
    code += "PostgresServer(Path(sys.argv[1]), port=1, password=sys.argv[2]).prepare()"
    making = subprocess.Popen([sys.executable, "-c", code, str(server.directory), PASSWORD])
    deadline = time.monotonic() + 30
    while not list(server.directory.glob("unfinished-*/data/base")):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    making.kill()
    making.wait()
    assert not server.is_made()
    server.start()
    server.stop()
    assert not list(server.directory.glob("unfinished-*"))


def test_a_folder_with_other_things_in_it_is_not_touched(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, port=1, password=PASSWORD)
    (server.data / "family photos").mkdir(parents=True)
    with pytest.raises(DamagedDataError, match="not empty"):
        server.prepare()
    assert (server.data / "family photos").is_dir()


def test_data_of_another_major_version_is_refused_by_name(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, port=1, password=PASSWORD)
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(DamagedDataError, match="PostgreSQL 16, this is 18"):
        server.prepare()


def test_damaged_data_ends_the_start_with_what_the_server_said(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "pg", port=free_port(), password=PASSWORD)
    server.prepare()
    (server.data / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(ServerFailedError) as error:
        server.start()
    assert str(server.log_file) in str(error.value)
    assert "control" in str(error.value).lower() or "PANIC" in str(error.value)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody gets to; pytest's own are closed to all but us."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


AS_USER = """
import sys
from pathlib import Path
from embedded import free_port
from embedded import PostgresServer
server = PostgresServer(Path(sys.argv[1]), port=free_port(), password="x")
server.start()
server.create_database("d")
print(server.identity.mode)
server.stop()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="root is who can show the others")
@pytest.mark.parametrize("uid", [65534, 54321], ids=["a user with a name", "a user without one"])
def test_it_runs_for_an_ordinary_user(uid: int, open_folder: Path) -> None:
    python = python_for(uid)
    os.chown(open_folder, uid, uid)
    done = subprocess.run(
        [python, "-c", AS_USER, str(open_folder / "pg")],
        user=uid,
        group=uid,
        extra_groups=[],
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ("self" if uid == 65534 else "namespace")
    assert (open_folder / "pg" / "data").stat().st_uid == uid


def python_for(uid: int) -> str:
    """A Python of our version that the user can run: ours may be in a folder of root's own."""
    wanted = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", wanted], user=uid, check=False).returncode == 0:
                return python
    pytest.skip("no Python of this version can be reached by an ordinary user")


def can_nobody_run_postgres() -> bool:
    """Whether the wheel itself lies where everybody gets to."""
    return all(folder.stat().st_mode & 0o001 for folder in postgres_binary("postgres").parents)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give up being root")
def test_root_uses_nobody_where_nobody_gets_through_and_a_namespace_where_not(
    tmp_path: Path, open_folder: Path
) -> None:
    reachable = PostgresServer(open_folder / "open", port=1, password=PASSWORD)
    assert reachable.identity == candidates()[0 if can_nobody_run_postgres() else 1]
    tmp_path.chmod(0o700)
    closed = PostgresServer(tmp_path / "closed", port=1, password=PASSWORD)
    assert closed.identity == candidates()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedded.postgres.candidates", lambda: candidates()[:1])
        refused = PostgresServer(tmp_path / "refused", port=1, password=PASSWORD)
        with pytest.raises(AccessError, match="refused"):
            refused.prepare()


def test_a_missing_permission_is_told_with_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="file"):
        PostgresServer(tmp_path / "file" / "pg", port=1, password=PASSWORD).prepare()
