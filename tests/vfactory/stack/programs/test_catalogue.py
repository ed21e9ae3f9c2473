import subprocess
from pathlib import Path

import pytest

from vfactory.stack.configuration import default_home
from vfactory.stack.programs import (
    ALERTMANAGER,
    FOLDER_VARIABLE,
    NODE_EXPORTER,
    PROMTOOL,
    ProgramsError,
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


def test_the_next_prometheus_can_be_had_for_tests() -> None:
    folder = newer_prometheus(default_home())
    said = subprocess.run([folder / "promtool", "--version"], capture_output=True, text=True, check=True)
    assert "version 3." in said.stdout + said.stderr
