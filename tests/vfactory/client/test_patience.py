"""A plant that is away when a command starts."""

import json
from uuid import uuid4

import pytest

from plant_client import UnreachableError
from support.servers.scripted import connect
from vfactory.client.patience import patiently
from vfactory.client.references import find_factory

AWAY = (503, "application/problem+json", b'{"title": "Temporarily unavailable"}')
ULSAN = {"id": str(uuid4()), "name": "Ulsan"}


def test_the_first_look_up_is_repeated_and_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    page = json.dumps({"items": [ULSAN], "next_cursor": None}).encode()
    with connect(AWAY, AWAY, (200, "application/json", page)) as (server, client):
        assert patiently(lambda: find_factory(client, None), 600) == ULSAN
    assert len(server.requests) == 3
    said = capsys.readouterr().err
    assert said == (
        "vfactory: factory-core cannot answer now: Temporarily unavailable; "
        "trying again for 600 s (--patience)\n"
    )


def test_without_patience_it_fails_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with connect(AWAY) as (server, client), pytest.raises(UnreachableError):
        patiently(lambda: find_factory(client, None), 0)
    assert len(server.requests) == 1
    assert capsys.readouterr().err == ""
