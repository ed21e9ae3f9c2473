"""README says what is true of the command, in both languages."""

from typing import Any

import pytest
import typer.main

from support import ROOT
from vfactory.cli import build
from vfactory.stack.configuration import MONITORING_PORTS, PORTS, port_variable

WITHOUT_JSON = {"up", "down", "logs"}


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_every_port_is_listed_with_its_variable(readme: str) -> None:
    text = (ROOT / readme).read_text()
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if "_PORT` |" in line]
    listed = {row[-1].strip("`"): int(row[1].strip("[").split("]")[0]) for row in rows if len(row) > 3}
    assert listed == {port_variable(name): port for name, port in {**PORTS, **MONITORING_PORTS}.items()}


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_commands_without_json_are_those_it_names(readme: str) -> None:
    command: Any = typer.main.get_command(build())
    without = {name for name, one in command.commands.items() if not _prints_json(one)}
    assert without == WITHOUT_JSON
    text = (ROOT / readme).read_text()
    (sentence,) = [line for line in text.splitlines() if "`up`, `down`" in line and "vfactory" not in line]
    assert "`logs`" in sentence


def _prints_json(command: Any) -> bool:
    if hasattr(command, "commands"):
        return all(map(_prints_json, command.commands.values()))
    return any("--json" in option.opts for option in command.params)
