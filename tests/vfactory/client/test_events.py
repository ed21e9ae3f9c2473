"""`vfactory events` on a plant that breaks off and has forgotten."""

from uuid import uuid4

import pytest
from typer.testing import CliRunner

from support.servers.scripted import serve
from vfactory.cli import build

FACTORY = str(uuid4())
RESET = b'retry: 10\nid: 900\nevent: reset\ndata: {"seq":900}\n\n'
EVENT = b'id: 901\nevent: incident.reported.v1\ndata: {"seq": 901, "payload": {"title": "Oil"}}\n\n'


def test_a_loss_and_a_break_are_told_beside_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    factory = (200, "application/json", f'{{"id": "{FACTORY}", "name": "Ulsan"}}'.encode())
    stream = "text/event-stream"
    with serve(factory, (200, stream, RESET), (200, stream, EVENT)) as server:
        monkeypatch.setenv("VFACTORY_URL", server.url)
        monkeypatch.setenv("VFACTORY_TOKEN", "token")
        ended = CliRunner().invoke(
            build(), ["events", "--factory", FACTORY, "--after", "7", "--count", "1", "--json"]
        )

    assert ended.exit_code == 0, ended.output
    assert ended.stdout == '{"seq":901,"payload":{"title":"Oil"}}\n'
    assert ended.stderr.splitlines() == [
        "vfactory: listening to Ulsan",
        "vfactory: events after event 7 are no longer kept; going on from event 900",
        "vfactory: the stream ended; connecting again in 1 s",
    ]
    assert [request.headers.get("last-event-id") for request in server.requests] == [None, "7", "900"]
