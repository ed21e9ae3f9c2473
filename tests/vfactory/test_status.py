import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from support.plant.stack import Stack
from support.waiting import wait_for
from vfactory.commands.status import Condition, judge
from vfactory.stack.configuration import PORTS
from vfactory.stack.state import Part, hold_lock


def condition(*, healthy: bool) -> Condition:
    return Condition(Part(name="x", kind="service", where="http://x"), is_healthy=healthy, detail="")


@pytest.mark.parametrize("state", ["starting", "stopping", "stopped"])
def test_what_does_not_run_yet_or_any_more_is_not_judged(state: str) -> None:
    assert judge(state, [condition(healthy=True)]) == state


def test_one_unhealthy_part_makes_the_whole_unhealthy() -> None:
    assert judge("running", [condition(healthy=True)]) == "healthy"
    assert judge("running", [condition(healthy=True), condition(healthy=False)]) == "unhealthy"


def test_without_a_stack_it_says_stopped(tmp_path_factory: pytest.TempPathFactory) -> None:
    stack = Stack(tmp_path_factory.mktemp("none"))
    assert "is stopped" in stack.run("status", code=3).stdout
    assert stack.status() == {
        "state": "stopped",
        "home": str(stack.home),
        "supervisor": None,
        "parts": [],
        "missing": {},
    }


def test_it_shows_every_part_with_its_process(running_stack: Stack) -> None:
    status = running_stack.status()
    assert status["state"] == "healthy"
    assert [part["name"] for part in status["parts"]] == list(PORTS)
    for part in status["parts"]:
        assert psutil.pid_exists(part["pid"])
        assert str(running_stack.ports[part["name"]]) in part["where"]
    assert status["parts"][0]["health"]["database"] == "connected"


def test_a_dependency_that_does_not_answer_is_unhealthy_and_named(running_stack: Stack) -> None:
    valkey = psutil.Process(running_stack.part("valkey")["pid"])
    valkey.send_signal(signal.SIGSTOP)
    try:
        wait_for(lambda: running_stack.run("status").returncode == 4)
        assert "redis: " in running_stack.run("status").stdout
        assert running_stack.part("factory-core")["health"]["redis"] == "disconnected"
        assert running_stack.part("asset-management")["is_healthy"]
    finally:
        valkey.send_signal(signal.SIGCONT)
    running_stack.wait_until_healthy()


def test_a_disk_that_is_nearly_full_is_told(small_disk: Path) -> None:
    said = Stack(small_disk).run("status", code=3)
    assert f"the disk of {small_disk} is nearly full: 1" in said.stderr


@pytest.fixture
def unwritable(small_disk: Path) -> Iterator[tuple[Path, Path]]:
    """A folder, and the same one mounted so that it cannot be written there."""
    written, seen = small_disk / "written", small_disk / "seen"
    for folder in (written, seen):
        folder.mkdir()
    subprocess.run(["mount", "--bind", written, seen], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", seen], check=True)
    yield written, seen
    subprocess.run(["umount", "-l", seen], check=True)


def test_a_folder_that_cannot_be_written_is_no_obstacle(unwritable: tuple[Path, Path]) -> None:
    written, seen = unwritable
    assert "is stopped" in Stack(seen).run("status", code=3).stdout
    with hold_lock(written):
        assert f"V-Factory in {seen} is starting." in Stack(seen).run("status", code=4).stdout
    assert "is stopped" in Stack(seen).run("status", code=3).stdout
