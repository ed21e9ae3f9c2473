"""`vfactory events` on a plant that breaks off and has forgotten."""

from itertools import chain, repeat
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from contracts.incident_event import EVENT_TYPES
from support.servers.scripted import serve
from vfactory.cli import build
from vfactory.client.commands.events import read_types

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


STREAM = "text/event-stream"
NOW = b"id: 3\n: live after 3\n\n"
KINDS = {1: "rule.created.v1", 2: "incident.reported.v1", 3: "incident.resolved.v1"}
LOG = b"".join(
    b'id: %d\nevent: %s\ndata: {"seq": %d, "at": "2026-01-15T10:3%d:00Z", "payload": {}}\n\n'
    % (seq, kind.encode(), seq, seq)
    for seq, kind in KINDS.items()
)
LATER = b'id: 4\nevent: rule.created.v1\ndata: {"seq": 4, "payload": {}}\n\n'


def end_by_itself(
    monkeypatch: pytest.MonkeyPatch, head: bytes, log: bytes, *options: str
) -> tuple[list[str], list[str | None]]:
    """Run `events` on a stream that would not end; return the printed events and the ids resumed after."""
    factory = (200, "application/json", f'{{"id": "{FACTORY}", "name": "Ulsan"}}'.encode())
    endless = chain([log], repeat(b": heartbeat\n\n"))
    with serve(factory, (200, STREAM, head), (200, STREAM, endless)) as server:
        monkeypatch.setenv("VFACTORY_URL", server.url)
        monkeypatch.setenv("VFACTORY_TOKEN", "token")
        ended = CliRunner().invoke(build(), ["events", "--factory", FACTORY, *options])
    assert ended.exit_code == 0, ended.output
    seqs = [line.partition("  ")[0] for line in ended.stdout.splitlines()]
    return seqs, [request.headers.get("last-event-id") for request in server.requests[1:]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--after", "0", "--until", "now"], ["#1", "#2", "#3"]),
        (["--until", "now"], ["#1", "#2", "#3"]),
        (["--until", "now", "--type", "incident.reported"], ["#2"]),
        (["--until", "now", "--type", "incident.reported.v1,rule.created"], ["#1", "#2"]),
        (["--until", "2026-01-15T10:32:30Z"], ["#1", "#2"]),
        (["--until", "2026-01-15T19:31:00+09:00"], ["#1"]),
    ],
)
def test_until_ends_with_the_last_event_there_was(
    options: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert end_by_itself(monkeypatch, NOW, LOG + LATER, *options) == (expected, [None, "0"])


def test_until_now_ends_at_once_where_nothing_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    assert end_by_itself(monkeypatch, NOW, LOG, "--after", "3", "--until", "now") == ([], [None])
    assert end_by_itself(monkeypatch, b"id: 0\n: live after 0\n\n", LOG, "--until", "now") == ([], [None])


def test_until_now_ends_where_the_events_are_no_longer_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    reset = b'id: 3\nevent: reset\ndata: {"seq":3}\n\n'
    assert end_by_itself(monkeypatch, NOW, reset, "--until", "now") == ([], [None, "0"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["-f", "--type", "incident.reportd"],
            "--type: there is no event type 'incident.reportd'; choose from: ",
        ),
        (["--until", "soon"], "--until is now, or a time with a zone in RFC 3339 such as"),
        (["--until", "2026-01-15T10:30:00"], "--until is now, or a time with a zone"),
        (["--until", "9999-01-01T00:00:00Z"], "--until lies in the future; use --follow"),
        ([], "use --follow to print events as they happen, --until now to end"),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_sent(
    options: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFACTORY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("VFACTORY_TOKEN", "token")
    ended = CliRunner().invoke(build(), ["events", *options])
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"vfactory: {sentence}")


def test_a_type_is_taken_as_it_is_printed_and_with_its_version() -> None:
    for event_type in EVENT_TYPES:
        assert read_types([event_type]) == [event_type]
        assert read_types([event_type.rpartition(".")[0]]) == [event_type]
    assert read_types(["incident.moved.v7"]) == ["incident.moved.v7"]  # of a newer plant
