"""Options that several commands share."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from vfactory.cli import build
from vfactory.stack.configuration import default_home
from vfactory.stack.state import state_directory


@pytest.mark.parametrize("command", ["status", "down"])
def test_an_empty_home_is_the_default(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VFACTORY_HOME", str(tmp_path / "home"))
    told = CliRunner().invoke(build(), [command, "--home", ""]).stdout
    assert f"in {tmp_path / 'home'}" in told


def test_an_empty_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFACTORY_HOME", "")
    assert state_directory() == default_home()
    assert state_directory(Path("/given")) == Path("/given")


def test_a_home_may_begin_with_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    told = CliRunner().invoke(build(), ["status", "--home", "~/plant"]).stdout
    assert f"in {tmp_path / 'plant'}" in told
