"""Following events over breaks: each once, in order, from where it stopped."""

import json
from contextlib import closing
from functools import partial
from itertools import islice

import pytest

from plant_client import Break, Event, RefusedError, Reset, UnreachableError
from plant_client import Subscription as PatientSubscription
from support.plant.both_clients import Client, Connect
from support.servers.scripted import Answer

STREAM = "text/event-stream"
Subscription = partial(PatientSubscription, shortest_pause_seconds=0.01)
AWAY: Answer = (503, "application/problem+json", b'{"title": "Temporarily unavailable"}')
PAGE: Answer = (200, "text/html", b"<html>data: {}\n\n")

REASON = b'{"title": "Away"}'
OUTAGES: list[Answer] = [
    AWAY,
    PAGE,
    *((status, "application/problem+json", REASON) for status in (408, 500, 507, 599)),
    *((status, "text/html", b"<html>") for status in (302, 400, 404, 408, 502)),
    (404, "application/json", b'{"a":' * 100_000),
]


def connection(*seqs: int, before: str = "retry: 10\n\n", after: str = "") -> Answer:
    envelopes = [json.dumps({"seq": seq, "type": "t.v1", "payload": {}}) for seq in seqs]
    events = [f"id: {seq}\nevent: t.v1\ndata: {data}\n\n" for seq, data in zip(seqs, envelopes, strict=True)]
    return 200, STREAM, (before + "".join(events) + after).encode()


def follow(client: Client, subscription: PatientSubscription, count: int) -> list[Event | Reset]:
    with closing(client.follow(subscription)) as stream:
        return list(islice(stream, count))


def seqs(items: list[Event | Reset]) -> list[int | None]:
    return [item.seq if isinstance(item, Event) else None for item in items]


def test_a_break_costs_no_event_and_doubles_none(connect: Connect) -> None:
    half = 'id: 4\nevent: t.v1\ndata: {"seq"'
    breaks: list[Break] = []
    with connect(connection(1, 2, 3, after=half), connection(3, 4, 5), connection(6)) as (server, client):
        subscription = Subscription("f", types=("t.v1",), on_break=breaks.append)
        assert seqs(follow(client, subscription, 6)) == [1, 2, 3, 4, 5, 6]

    assert [request.headers.get("last-event-id") for request in server.requests] == [None, "3", "5"]
    assert server.requests[0].path == "/v1/events?factory=f&types=t.v1"
    assert breaks == [Break(None, 0.01)] * 2
    assert str(breaks[0]) == "the stream ended; connecting again in 0.01 s"
    assert (subscription.position, subscription.connections, subscription.repeated) == (6, 3, 1)


def test_a_break_before_the_first_event_goes_on_from_the_head_it_was_given(connect: Connect) -> None:
    head = (200, STREAM, b": head 41\nid: 41\n\nretry: 10\n\n")
    with connect(head, connection(42)) as (server, client):
        assert seqs(follow(client, Subscription("f"), 1)) == [42]

    assert server.requests[1].headers["last-event-id"] == "41"


def test_a_reset_is_told_as_a_loss_and_the_stream_goes_on_from_the_head(connect: Connect) -> None:
    reset = 'id: 900\nevent: reset\ndata: {"head":900}\n\n'
    with connect(connection(901, before=reset)) as (_server, client):
        loss, event = follow(client, Subscription("f", after=7), 2)

    assert loss == Reset(after=7, head=900)
    assert str(loss) == "events after event 7 are no longer kept; going on from event 900"
    assert isinstance(event, Event)
    assert event.seq == 901


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: f"{outage[0]} {outage[1]}")
def test_an_outage_after_the_first_connection_is_waited_for(connect: Connect, outage: Answer) -> None:
    breaks: list[Break] = []
    with connect(connection(1), outage, outage, connection(2)) as (_server, client):
        assert seqs(follow(client, Subscription("f", on_break=breaks.append), 2)) == [1, 2]

    assert [end.error and end.error.status for end in breaks] == [None, outage[0], outage[0]]
    assert all("incident-event" in str(end) for end in breaks[1:])


@pytest.mark.parametrize(
    ("outage", "reason"), [(AWAY, "Temporarily unavailable"), (PAGE, "does not answer like incident-event")]
)
def test_a_plant_that_was_never_there_is_not_waited_for(
    connect: Connect, outage: Answer, reason: str
) -> None:
    with connect(outage) as (_server, client), pytest.raises(UnreachableError, match=reason):
        follow(client, Subscription("f"), 1)


def test_a_refusal_ends_the_stream_also_after_a_break(connect: Connect) -> None:
    expired = (401, "application/problem+json", b'{"title": "Not authenticated"}')
    with connect(connection(1), expired) as (_, client), closing(client.follow(Subscription("f"))) as stream:
        assert seqs([next(stream)]) == [1]
        with pytest.raises(RefusedError, match="Not authenticated"):
            next(stream)


def test_followed_again_a_subscription_goes_on_where_it_was(connect: Connect) -> None:
    subscription = Subscription("f")
    with connect(connection(1, 2), connection(2, 3)) as (server, client):
        assert seqs(follow(client, subscription, 1)) == [1]
        assert seqs(follow(client, subscription, 2)) == [2, 3]

    assert server.requests[1].headers["last-event-id"] == "1"


def test_an_event_that_arrives_broken_is_asked_for_again(connect: Connect) -> None:
    broken = (200, STREAM, b'retry: 10\nid: 1\ndata: {"seq": 1}\n\nid: 2\ndata: [\n\n')
    breaks: list[Break] = []
    with connect(broken, connection(2)) as (server, client):
        assert seqs(follow(client, Subscription("f", on_break=breaks.append), 2)) == [1, 2]

    assert server.requests[1].headers["last-event-id"] == "1"
    assert [str(end) for end in breaks] == [
        "event 2 of incident-event cannot be read; connecting again in 0.01 s"
    ]


def test_a_header_that_names_another_encoding_changes_nothing(connect: Connect) -> None:
    body = 'id: 1\ndata: {"payload": {"title": "오일 누출"}}\n\n'.encode()
    with connect((200, f"{STREAM}; charset=iso-8859-1", body)) as (_server, client):
        [event] = follow(client, Subscription("f"), 1)

    assert isinstance(event, Event)
    assert event.payload == {"title": "오일 누출"}
