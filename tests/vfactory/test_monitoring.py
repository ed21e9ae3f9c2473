"""`vfactory up` with Prometheus, Alertmanager and their exporters."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from support.plant.stack import Stack, run_stack
from support.waiting import wait_for
from vfactory.stack.configuration import MONITORING_PORTS, PORTS
from vfactory.stack.programs import FOLDER_VARIABLE

MINUTE = 60


@pytest.fixture(scope="module")
def stack(copy_home: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with its monitoring."""
    home = copy_home(tmp_path_factory.mktemp("a monitored stack"))
    with run_stack(home, VFACTORY_MONITORING="on") as stack:
        yield stack


def prometheus(stack: Stack, path: str, **parameters: str) -> object:
    url = f"http://127.0.0.1:{stack.monitoring_ports['prometheus']}/api/v1/{path}"
    return httpx.get(url, params=parameters).raise_for_status().json()["data"]


def test_everything_runs_and_is_shown(stack: Stack) -> None:
    status = stack.status()
    assert status["state"] == "healthy"
    assert [part["name"] for part in status["parts"]] == [*PORTS, *MONITORING_PORTS]
    assert {part["kind"] for part in status["parts"]} == {"service", "server", "monitoring"}


def test_every_target_is_up(stack: Stack) -> None:
    def all_up() -> bool:
        targets = prometheus(stack, "targets", state="active")
        assert isinstance(targets, dict)
        return all(target["health"] == "up" for target in targets["activeTargets"])

    wait_for(all_up)


def test_no_password_stands_in_a_command_line_and_all_listen_here_only(stack: Stack) -> None:
    secrets = {path.read_text().strip() for path in (stack.home / "secrets").iterdir()}
    assert len(secrets) >= 3
    for name in MONITORING_PORTS:
        process = psutil.Process(stack.part(name)["pid"])
        line = " ".join(process.cmdline())
        assert not any(secret in line for secret in secrets)
        listening = [one for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        assert {one.laddr.ip for one in listening} == {"127.0.0.1"}


def test_what_is_rendered_and_the_token_are_its_owners_alone(stack: Stack) -> None:
    rendered = list((stack.home / "monitoring").iterdir())
    assert {"prometheus.yml", "alertmanager.yml"} <= {path.name for path in rendered}
    for path in (*rendered, stack.home / "secrets/incident_event_token"):
        assert path.stat().st_mode & 0o077 == 0


def test_its_native_lines_are_shown_when_asked_for_only(stack: Stack) -> None:
    assert "level=info" in stack.run("logs", "prometheus", "-n", "20").stdout
    for line in stack.run("logs").stdout.splitlines():
        json.loads(line)


def test_all_rules_are_loaded_and_evaluated(stack: Stack) -> None:
    def healthy() -> bool:
        groups = prometheus(stack, "rules")
        assert isinstance(groups, dict)
        rules = [rule for group in groups["groups"] for rule in group["rules"]]
        assert not [rule for rule in rules if rule["health"] == "err"]
        soon = [rule for group in groups["groups"] if group["interval"] <= MINUTE for rule in group["rules"]]
        return len(rules) > 80 and all(rule["health"] == "ok" for rule in soon)

    wait_for(healthy, seconds=150)  # a group is first evaluated within its interval, some only after minutes


def test_alerts_shows_what_fires(stack: Stack) -> None:
    wait_for(lambda: "VFactoryWatchdog" in str(prometheus(stack, "alerts")), seconds=150)
    wait_for(lambda: "VFactoryWatchdog" in stack.run("alerts", "--all").stdout)
    told = json.loads(stack.run("alerts", "--all", "--json").stdout)
    watchdog = next(alert for alert in told if alert["name"] == "VFactoryWatchdog")
    assert watchdog["severity"] == "none"
    page = Path(watchdog["runbook"].removeprefix("file://"))
    assert page.is_file()
    quiet = stack.run("alerts")
    assert "VFactoryWatchdog" not in quiet.stdout
    assert quiet.returncode in {0, 4, 5}


def test_a_killed_prometheus_comes_back(stack: Stack) -> None:
    before = stack.part("prometheus")["pid"]
    psutil.Process(before).kill()
    wait_for(lambda: stack.kept("prometheus").pid not in {None, before})
    stack.wait_until_healthy()


def test_a_taken_port_costs_that_part_only(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack(VFACTORY_MONITORING="on")
    with socket.create_server(("127.0.0.1", stack.monitoring_ports["node-exporter"])):
        told = stack.run("up", "--detach", code=0)
    assert "VFACTORY_NODE_EXPORTER_PORT" in told.stderr
    status = stack.status()
    names = [part["name"] for part in status["parts"]]
    assert "node-exporter" not in names
    assert "prometheus" in names
    reason = (
        f"port {stack.monitoring_ports['node-exporter']} is taken. "
        "Choose another one with VFACTORY_NODE_EXPORTER_PORT."
    )
    assert status["missing"] == {"node-exporter": reason}
    assert f"\nNo node-exporter: {reason}\n" in stack.run("status", code=0).stdout


def test_where_programs_are_not_to_be_had_one_line_says_so_and_the_rest_runs(
    make_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    stack = make_stack(VFACTORY_MONITORING="on", PATH=str(tools), **{FOLDER_VARIABLE: str(tmp_path / "none")})
    told = stack.run("up", "--detach", code=0)
    assert told.stderr.count("Install Prometheus") == 1
    assert "VFACTORY_PROGRAMS_DIR" in told.stderr
    status = stack.status()
    assert status["state"] == "healthy"
    assert list(status["missing"]) == list(MONITORING_PORTS)
    assert stack.run("status", code=0).stdout.count("Install Prometheus") == 1
    refused = stack.run("alerts", code=3)
    assert "Install Prometheus" in refused.stderr


def test_without_monitoring_nothing_of_it_is_started_or_fetched(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack()
    del stack.environment["VFACTORY_MONITORING"]
    stack.run("up", "--detach", "--no-monitoring", code=0)
    assert [part["name"] for part in stack.status()["parts"]] == list(PORTS)
    assert "does not run here" in stack.run("alerts", code=3).stderr


def test_a_killed_supervisor_leaves_no_program_behind(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack(VFACTORY_MONITORING="on")
    stack.run("up", "--detach", code=0)
    status = stack.status()
    pids = [part["pid"] for part in status["parts"] if part["kind"] == "monitoring"]
    os.kill(status["supervisor"], 9)
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_alerts_without_a_stack_says_how_to_start_one(make_stack: Callable[..., Stack]) -> None:
    assert "vfactory up" in make_stack(first=True).run("alerts", code=3).stderr
