"""The programs of the monitoring: from PATH, from the state directory, or unpacked without root."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from vfactory.stack import programs
from vfactory.stack.configuration import default_home
from vfactory.stack.programs import (
    ALERTMANAGER,
    FOLDER_VARIABLE,
    NODE_EXPORTER,
    PROMTOOL,
    ProgramsError,
    fetch,
    find_program,
    newer_prometheus,
    require_programs,
)


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_path_comes_before_what_was_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    fetched = executable(tmp_path / "home/programs/node_exporter")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_program(NODE_EXPORTER, tmp_path / "home") == fetched
    installed = executable(tmp_path / "bin/prometheus-node-exporter")
    assert find_program(NODE_EXPORTER, tmp_path / "home") == installed


def test_the_folder_of_the_programs_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "elsewhere"))
    assert find_program(ALERTMANAGER, tmp_path) is None
    program = executable(tmp_path / "elsewhere/alertmanager")
    assert find_program(ALERTMANAGER, tmp_path) == program


def test_without_a_package_manager_it_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with pytest.raises(ProgramsError, match=r"Install Prometheus.*VFACTORY_PROGRAMS_DIR") as told:
        require_programs([PROMTOOL], tmp_path)
    assert told.value.exit_code == 69


def test_a_package_that_cannot_be_had_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ProgramsError, match="apt-get failed"):
        fetch(["there-is-no-such-package-here"], tmp_path / "programs")
    assert [path.name for path in (tmp_path / "programs").iterdir()] == [".lock"]


def test_packages_that_do_not_come_in_time_are_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "COMMAND_SECONDS", 0.01)
    with pytest.raises(ProgramsError, match="in time"):
        fetch(["prometheus-node-exporter"], tmp_path / "programs")


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_two_who_fetch_at_a_time_both_find_a_whole_program(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "공장 state" / "programs"
    before = os.umask(umask)
    try:
        threads = [
            threading.Thread(target=fetch, args=[["prometheus-node-exporter"], folder]) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        os.umask(before)
    program = folder / "prometheus-node-exporter"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert "node_exporter" in said.stdout + said.stderr
    assert {path.name for path in folder.iterdir()} == {".lock", program.name}


def test_a_server_of_sbin_comes_with_the_libraries_that_were_asked_for(tmp_path: Path) -> None:
    fetch(["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"], tmp_path / "programs")
    said = subprocess.run(
        [tmp_path / "programs/haproxy", "-v"],
        env={"LD_LIBRARY_PATH": str(tmp_path / "programs/lib")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.startswith("HAProxy version")


def test_the_next_prometheus_can_be_had_for_tests() -> None:
    folder = newer_prometheus(default_home())
    said = subprocess.run([folder / "promtool", "--version"], capture_output=True, text=True, check=True)
    assert "version 3." in said.stdout + said.stderr
