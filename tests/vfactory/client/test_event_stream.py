"""Following events over breaks: each once, in order, from where it stopped."""

import json
from itertools import islice

import pytest

from scripted_server import Answer, connect
from vfactory.client.errors import RefusedError, UnreachableError
from vfactory.client.sse import EventStream

STREAM = "text/event-stream"


def connection(*seqs: int, before: str = "retry: 10\n\n", after: str = "") -> Answer:
    envelopes = [json.dumps({"seq": seq, "type": "t.v1", "payload": {}}) for seq in seqs]
    events = [f"id: {seq}\nevent: t.v1\ndata: {data}\n\n" for seq, data in zip(seqs, envelopes, strict=True)]
    return 200, STREAM, (before + "".join(events) + after).encode()


def test_a_break_costs_no_event_and_doubles_none() -> None:
    half = 'id: 4\nevent: t.v1\ndata: {"seq"'
    breaks: list[str] = []
    with connect(connection(1, 2, 3, after=half), connection(3, 4, 5), connection(6)) as (server, client):
        stream = EventStream(client, "f", types=("t.v1",), on_break=breaks.append)
        events = list(islice(stream, 6))

    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6]
    assert [request.headers.get("last-event-id") for request in server.requests] == [None, "3", "5"]
    assert server.requests[0].path == "/v1/events?factory=f&types=t.v1"
    assert len(breaks) == 2


def test_a_break_before_the_first_event_goes_on_from_the_head_it_was_given() -> None:
    head = (200, STREAM, b": head 41\nid: 41\n\nretry: 10\n\n")
    with connect(head, connection(42)) as (server, client):
        event = next(iter(EventStream(client, "f", on_break=lambda _: None)))

    assert event.seq == 42
    assert server.requests[1].headers["last-event-id"] == "41"


def test_a_reset_is_told_as_a_loss_and_the_stream_goes_on_from_the_head() -> None:
    reset = 'id: 900\nevent: reset\ndata: {"head":900}\n\n'
    losses: list[str] = []
    with connect(connection(901, before=reset)) as (_server, client):
        event = next(iter(EventStream(client, "f", after=7, on_break=losses.append)))

    assert event.seq == 901
    assert losses == ["events after event 7 are no longer kept; going on from event 900"]


def test_an_outage_after_the_first_connection_is_waited_for() -> None:
    away = (503, "application/problem+json", b'{"title": "Temporarily unavailable"}')
    breaks: list[str] = []
    with connect(connection(1), away, away, connection(2)) as (_server, client):
        events = list(islice(EventStream(client, "f", on_break=breaks.append), 2))

    assert [event.seq for event in events] == [1, 2]
    assert len(breaks) == 3


def test_a_plant_that_was_never_there_is_not_waited_for() -> None:
    away = (503, "application/problem+json", b'{"title": "Temporarily unavailable"}')
    with (
        connect(away) as (_server, client),
        pytest.raises(UnreachableError, match="Temporarily unavailable"),
    ):
        next(iter(EventStream(client, "f", on_break=lambda _: None)))


def test_a_refusal_ends_the_stream_also_after_a_break() -> None:
    expired = (401, "application/problem+json", b'{"title": "Not authenticated"}')
    with connect(connection(1), expired) as (_server, client):
        stream = iter(EventStream(client, "f", on_break=lambda _: None))
        assert next(stream).seq == 1
        with pytest.raises(RefusedError, match="Not authenticated"):
            next(stream)
