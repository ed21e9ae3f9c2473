import os
import pty
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from embedded import is_alive
from support.plant.stack import COMMAND, Stack
from support.servers import Postgres, Valkey
from support.waiting import wait_for
from vfactory.stack.configuration import PORTS

USAGE = 2
SERVICES = (
    "factory-core",
    "incident-event",
    "asset-management",
    "factory-core-worker",
    "incident-event-worker",
)


def test_one_table_says_what_runs_where_and_then_it_is_quiet_until_ctrl_c(
    make_stack: Callable[..., Stack],
) -> None:
    stack = make_stack("a folder with spaces", first=True)
    with stack.start("up") as up:
        stack.wait_until_healthy()
        processes = stack.processes()
        up.send_signal(signal.SIGINT)
        out, err = up.communicate(timeout=30)
    assert up.returncode == 0
    assert err == ""
    assert [line.split()[0] for line in out.splitlines() if "127.0.0.1:" in line] == list(PORTS)
    assert len(out.splitlines()) == len(PORTS) + 5
    assert not any(is_alive(process) for process in processes)
    assert stack.run("status").returncode == 3


def test_secrets_are_the_owners_alone_and_on_no_command_line(running_stack: Stack) -> None:
    files = {file.name: file.read_text().strip() for file in (running_stack.home / "secrets").iterdir()}
    databases = ["factory-core", "incident-event", "asset-management", "postgres-exporter"]
    keys = {"signing-key", "incident-event-worker-key", "stream-key"}
    assert set(files) == {"postgres", "valkey", *keys, *(f"postgres-{name}" for name in databases)}
    secrets = list(files.values())
    for file in (running_stack.home / "secrets").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = [" ".join(process.cmdline()) for process in running_stack.processes()]
    assert not [line for line in lines for secret in secrets if secret in line]


def test_everything_listens_on_this_machine_only(running_stack: Stack) -> None:
    listening = {
        connection.laddr.ip
        for process in running_stack.processes()
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    }
    assert listening == {"127.0.0.1"}


def test_a_second_one_in_the_same_folder_is_refused_with_the_first_ones_process(running_stack: Stack) -> None:
    refused = running_stack.run("up", code=75)
    assert f"process {running_stack.status()['supervisor']}" in refused.stderr
    assert "vfactory down" in refused.stderr
    running_stack.run("status", code=0)


def test_a_taken_port_is_named_with_the_setting_that_moves_it(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack()
    with socket.create_server(("127.0.0.1", stack.ports["incident-event"])):
        refused = stack.run("up", code=69)
    assert f"Port {stack.ports['incident-event']} for incident-event is taken by" in refused.stderr
    assert f"process {os.getpid()}" in refused.stderr
    assert "VFACTORY_INCIDENT_EVENT_PORT" in refused.stderr


@pytest.mark.parametrize("names", [SERVICES, ("postgres", "valkey")], ids=["services", "servers"])
def test_what_is_killed_comes_back_by_itself_and_it_shows(
    running_stack: Stack, names: tuple[str, ...]
) -> None:
    before = {name: running_stack.part(name) for name in names}
    for part in before.values():
        os.kill(part["pid"], signal.SIGKILL)
    running_stack.wait_until_healthy()
    told = running_stack.run("logs", "vfactory").stdout
    for name in names:
        after = running_stack.part(name)
        assert after["pid"] != before[name]["pid"]
        assert after["restarts"] == before[name]["restarts"] + 1
        assert after["last_end"] == "was ended by SIGKILL"
        assert f"{name} was ended by SIGKILL; starting it again in" in told


def test_a_postgresql_that_only_waits_for_its_clients_to_leave_is_started_again(running_stack: Stack) -> None:
    before = running_stack.part("postgres")
    os.kill(before["pid"], signal.SIGTERM)
    wait_for(lambda: running_stack.kept("postgres").restarts == before["restarts"] + 1)
    running_stack.wait_until_healthy()
    assert running_stack.part("postgres")["last_end"] == "ended with code 0"


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_server_that_hangs_is_not_said_to_answer(running_stack: Stack, name: str) -> None:
    server = running_stack.part(name)
    assert server["detail"] == "answers"
    os.kill(server["pid"], signal.SIGSTOP)
    try:
        assert running_stack.part(name)["detail"] == "does not answer"
    finally:
        os.kill(server["pid"], signal.SIGCONT)
    running_stack.wait_until_healthy()


def test_nothing_outlives_a_killed_supervisor_and_the_data_is_there_again(
    make_stack: Callable[..., Stack],
) -> None:
    stack = make_stack()
    stack.run("up", "-d", code=0)
    stack.run("factories", "add", "Plant", code=0)
    supervisor, *others = stack.processes()
    supervisor.kill()
    wait_for(lambda: not any(is_alive(process) for process in others))
    stack.run("status", code=3)
    (stack.home / "stack.json").write_text("{ damaged")
    stack.run("up", "-d", code=0)
    assert "Plant" in stack.run("factories", "list", code=0).stdout
    processes = stack.processes()
    assert "has stopped" in stack.run("down", code=0).stdout
    assert not any(is_alive(process) for process in processes)
    assert "does not run" in stack.run("down", code=0).stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_start_can_be_broken_off(make_stack: Callable[..., Stack], number: signal.Signals) -> None:
    stack = make_stack(first=True)
    with stack.start("up") as up:
        wait_for((stack.home / "stack.json").exists)
        time.sleep(0.3)
        up.send_signal(number)
        out, err = up.communicate(timeout=30)
    assert (up.returncode, out, err) == (0, "", "")
    stack.run("status", code=3)


def test_on_a_terminal_it_says_that_it_starts_and_that_it_has_stopped(
    make_stack: Callable[..., Stack],
) -> None:
    stack = make_stack()
    terminal, programs_end = pty.openpty()
    with (
        os.fdopen(terminal, "rb", buffering=0) as shown,
        subprocess.Popen(
            [COMMAND, "up"], env=stack.environment, stdout=subprocess.DEVNULL, stderr=programs_end
        ) as up,
    ):
        os.close(programs_end)
        try:
            first = shown.readline()
            wait_for((stack.home / "stack.json").exists)
            up.send_signal(signal.SIGINT)
            assert up.wait(30) == 0
            last = shown.readline()
        finally:
            up.kill()
    assert first.decode() == "Starting V-Factory …\r\n"
    assert last.decode() == "V-Factory has stopped.\r\n"


def test_servers_of_ones_own_are_used_and_shown_without_passwords(
    make_stack: Callable[..., Stack], postgres: Postgres, valkey: Valkey
) -> None:
    postgres.create_database("own")
    stack = make_stack(first=True, DATABASE_URL=postgres.url("own"), REDIS_URL=valkey.url())
    out = stack.run("up", "-d", code=0).stdout
    assert f"postgres                127.0.0.1:{postgres.port}" in out
    assert (
        postgres.url("own").split(":")[2].split("@")[0] not in out + (stack.home / "stack.json").read_text()
    )
    assert not (stack.home / "data" / "postgres").exists()
    assert stack.part("valkey")["state"] == "external"
    stack.run("down", code=0)


def test_a_setting_that_a_service_refuses_ends_the_start_with_its_words(
    make_stack: Callable[..., Stack],
) -> None:
    stack = make_stack(ASSET_MANAGEMENT_MAX_UPLOAD_BYTES="much")
    refused = stack.run("up", code=70)
    assert "ASSET_MANAGEMENT_MAX_UPLOAD_BYTES" in refused.stderr
    assert str(stack.home / "logs" / "asset-management.log") in refused.stderr
    stack.run("status", code=3)


@pytest.mark.parametrize(
    ("variables", "code", "told"),
    [
        ({"DATABASE_URL": "mysql://u:hunter2@h/d"}, 78, "DATABASE_URL must be an address"),
        ({"VFACTORY_VALKEY_PORT": "70000"}, 2, "VFACTORY_VALKEY_PORT"),
        ({"VFACTORY_FACTORY_CORE_PORT": "8002", "VFACTORY_INCIDENT_EVENT_PORT": "8002"}, 78, "port 8002"),
        ({"VFACTORY_HOME": "/dev/null/home"}, 77, "/dev/null/home"),
        ({"VFACTORY_HOME": f"/{'x' * 300}"}, 77, "File name too long"),
        ({"VFACTORY_HOME": "~nosuchuser/x"}, 78, "VFACTORY_HOME ~nosuchuser/x: "),
        ({"VFACTORY_HOST": "999.1.1.1"}, 78, 'VFACTORY_HOST "999.1.1.1": not an address'),
        ({"VFACTORY_LOG_DIR": "~nosuchuser/x"}, 78, "VFACTORY_LOG_DIR ~nosuchuser/x: "),
        ({"VFACTORY_DATA_DIR": "~nosuchuser/x"}, 78, "VFACTORY_DATA_DIR ~nosuchuser/x: "),
        ({"VFACTORY_STORE_DIR": "~nosuchuser/x"}, 78, "VFACTORY_STORE_DIR ~nosuchuser/x: "),
    ],
)
def test_a_wrong_setting_is_refused_by_name(
    tmp_path: Path, variables: dict[str, str], code: int, told: str
) -> None:
    refused = Stack(tmp_path / "home", **variables).run("up", code=code)
    assert told in refused.stderr
    assert len(refused.stderr.splitlines()) == 1 or code == USAGE
    assert "hunter2" not in refused.stderr


@pytest.mark.parametrize(
    "command", ["status", "down", "logs", "alerts", "top", "token --role viewer", "events"]
)
@pytest.mark.parametrize(("home", "code"), [("~nosuchuser/x", 78), (f"/{'x' * 300}", 77)])
def test_every_command_refuses_a_wrong_state_directory_in_one_sentence(
    tmp_path: Path, command: str, home: str, code: int
) -> None:
    refused = Stack(tmp_path / "home", VFACTORY_HOME=home).run(*command.split(), code=code)
    assert len(refused.stderr.splitlines()) == 1
    assert "VFACTORY_HOME" in refused.stderr


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 150 MiB, which holds an empty database and little more; only root may make one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a small disk, and not everywhere")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filling").open("wb", buffering=0) as filling, suppress(OSError):
        while True:
            filling.write(b"x" * 65_536)


@pytest.mark.parametrize("made", ["data/postgres/data/PG_VERSION", "logs/postgres.log"])
def test_a_disk_that_fills_while_the_stack_starts_is_told(disk: Path, made: str) -> None:
    stack = Stack(disk / "home")
    with stack.start("up") as starting:
        wait_for((disk / "home" / made).exists)
        fill(disk)
        said = starting.communicate()[1]
    assert starting.returncode == 74, said
    assert "no room left" in said.lower()
    assert "Traceback" not in said


def test_a_full_disk_is_told(small_disk: Path) -> None:
    refused = Stack(small_disk / "home").run("up", code=74)
    assert "MiB are free" in refused.stderr
    assert str(small_disk) in refused.stderr


def test_a_process_has_no_variable_that_it_was_not_given(running_stack: Stack) -> None:
    known = {"PATH", "LANG", "HOME", "SERVICE_NAME", "LOG_LEVEL", "DATABASE_URL", "REDIS_URL"}
    known |= {"AUTH_ISSUERS", "STREAM_KEY_FILE", "DRAIN_SECONDS", "SHUTDOWN_SECONDS", "HOST", "PORT"}
    environment = psutil.Process(running_stack.part("factory-core-worker")["pid"]).environ()
    assert set(environment) == known
    assert "REDIS_URL" not in psutil.Process(running_stack.part("asset-management")["pid"]).environ()


def test_everything_is_reachable_where_the_table_says(running_stack: Stack) -> None:
    services = [part for part in running_stack.status()["parts"] if part["kind"] == "service"]
    assert {"factory-core", "incident-event", "asset-management"} <= {part["name"] for part in services}
    for part in services:
        answer = httpx.get(f"{part['where']}/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "healthy")


def test_help_names_every_variable(running_stack: Stack) -> None:
    told = "".join(running_stack.run("up", "--help", code=0).stdout.split())
    for name in PORTS:
        assert f"VFACTORY_{name.upper().replace('-', '_')}_PORT" in told
    for variable in ("VFACTORY_HOME", "DATABASE_URL", "REDIS_URL", "LOG_LEVEL", "VFACTORY_LOG_DIR"):
        assert variable in told
