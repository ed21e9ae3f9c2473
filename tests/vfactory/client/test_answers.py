"""A plant whose answers lack something ends a command with a sentence that names it."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from support.servers.scripted import serve
from vfactory.cli import build

COMMANDS = {
    "factories": ["factories", "list"],
    "equipment": ["equipment", "list", "-F", "01a20a42-a799-7702-b97b-92e7a23dc745"],
    "rules": ["rules", "list"],
    "a rule": ["rules", "show", "01a20a42-a799-7702-b97b-92e7a23dc745"],
    "incidents": ["incidents", "list"],
    "an incident": ["incidents", "show", "01a20a42-a799-7702-b97b-92e7a23dc745"],
    "a move": ["incidents", "ack", "01a20a42-a799-7702-b97b-92e7a23dc745"],
    "a report": ["incidents", "report", "Fire", "-F", "01a20a42-a799-7702-b97b-92e7a23dc745"],
}
ODD: list[dict[str, Any]] = [
    {},
    {"id": "x", "name": "y"},
    {"id": 7, "name": None, "title": []},
    {"id": "x", "name": "y", "state": None, "factory_id": "z"},
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("odd", ODD)
def test_a_missing_field_is_named(command: str, odd: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({**odd, "items": [odd], "next_cursor": None}).encode()
    with serve((200, "application/json", body)) as server:
        monkeypatch.setenv("VFACTORY_URL", server.url)
        monkeypatch.setenv("VFACTORY_TOKEN", "token")
        ended = CliRunner().invoke(build(), COMMANDS[command])

    assert ended.exit_code == 1, ended.output
    assert ended.stderr.startswith("vfactory: the plant's answer cannot be read: ")
    assert "field `" in ended.stderr or "at `$." in ended.stderr
    assert ended.stdout == ""
