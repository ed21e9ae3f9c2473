"""What a command takes its factory to be."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from contracts.platform import PLATFORM_FACTORY_ID, PLATFORM_FACTORY_NAME
from support.servers.scripted import connect, serve
from vfactory.cli import build
from vfactory.client.errors import CommandError
from vfactory.client.references import find_factory

PLATFORM = {"id": str(PLATFORM_FACTORY_ID), "name": PLATFORM_FACTORY_NAME}
ULSAN = {"id": str(uuid4()), "name": "Ulsan"}
PUSAN = {"id": str(uuid4()), "name": "Pusan"}


def find(reference: str | None, factories: Sequence[dict[str, str]]) -> Any:
    page = json.dumps({"items": factories, "next_cursor": None}).encode()
    with connect((200, "application/json", page)) as (_server, client):
        return find_factory(client, reference)


def test_the_only_plant_is_meant_although_the_platform_has_a_factory_too() -> None:
    assert find(None, [PLATFORM, ULSAN]) == ULSAN


def test_the_platforms_factory_is_never_meant_unless_it_is_named() -> None:
    with pytest.raises(CommandError, match="no factory yet; add one: vfactory factories add"):
        find(None, [PLATFORM])
    assert find(PLATFORM_FACTORY_NAME, [PLATFORM, ULSAN]) == PLATFORM


def test_of_several_plants_one_must_be_named() -> None:
    with pytest.raises(
        CommandError, match=r"which factory\? say it with --factory \(there is: Ulsan, Pusan\)"
    ):
        find(None, [PLATFORM, ULSAN, PUSAN])


def test_control_characters_of_names_do_not_reach_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [{"id": str(uuid4()), "name": f"\x1b]0;{n}\x07\r\n{'x' * 900}"} for n in range(9)]
    page = json.dumps({"items": odd, "next_cursor": None}).encode()
    with serve((200, "application/json", page)) as server:
        monkeypatch.setenv("VFACTORY_URL", server.url)
        monkeypatch.setenv("VFACTORY_TOKEN", "token")
        ended = CliRunner().invoke(build(), ["equipment", "list", "--factory", "Ulsan"])

    assert ended.exit_code == 1
    assert ended.stderr.startswith(
        r"vfactory: there is no factory called 'Ulsan' (there is: \x1b]0;0\x07\r\n"
    )
    assert ended.stderr.removesuffix("\n").isprintable()
    assert len(ended.stderr) < 2100
