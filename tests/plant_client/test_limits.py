"""What a plant may send at most, and how long it may take."""

import gzip
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, islice, repeat

import pytest

from plant_client import Break, Event, Limits, Subscription, UnreachableError
from support.plant.both_clients import ClientOf
from support.servers.scripted import serve

JSON = "application/json"
PACKED = f"{JSON}\r\nContent-Encoding: gzip"
STREAM = "text/event-stream"
SMALL = Limits(answer_bytes=100_000, answer_seconds=0.3, message_bytes=100_000)
BOMB = gzip.compress(b'{"a": "' + bytes(50_000_000))


def drip() -> Iterator[bytes]:
    while True:
        time.sleep(0.02)
        yield b" "


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        (JSON, repeat(b" " * 50_000), "is larger than 100,000 bytes"),
        (PACKED, BOMB, "is larger than 100,000 bytes"),
        (JSON, None, "takes longer than 0.3 s"),
    ],
    ids=["endless", "bomb", "drip"],
)
def test_an_answer_is_bounded_in_size_and_time(
    client_of: ClientOf, kind: str, body: bytes | Iterator[bytes] | None, reason: str
) -> None:
    with (
        serve((200, kind, drip() if body is None else body)) as server,
        client_of(server.plant, limits=SMALL) as client,
        pytest.raises(UnreachableError, match=f"the answer of factory-core {reason}") as caught,
    ):
        client.get("factory-core", "/")

    assert caught.value.status == 200


def test_a_packed_answer_is_unpacked_and_described_as_it_is(client_of: ClientOf) -> None:
    body = b'{"a": "' + b"x" * 90_000 + b'"}'
    with (
        serve((200, PACKED, gzip.compress(body))) as server,
        client_of(server.plant, limits=SMALL) as client,
    ):
        answer = client.send("factory-core", "GET", "/")

    assert answer.content == body
    assert "content-encoding" not in answer.headers
    assert server.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("kind", [PACKED, f"{JSON}\r\nContent-Encoding: br"])
def test_an_answer_that_is_cut_off_or_packed_otherwise_is_none(client_of: ClientOf, kind: str) -> None:
    with (
        serve((200, kind, gzip.compress(b'{"a": 1}')[:-4])) as server,
        client_of(server.plant) as client,
        pytest.raises(UnreachableError, match="cannot reach factory-core"),
    ):
        client.get("factory-core", "/")


def test_what_follows_a_packed_answer_is_not_kept(client_of: ClientOf) -> None:
    body = chain([gzip.compress(b'{"a": 1}')], repeat(bytes(50_000)))
    with (
        serve((200, PACKED, body)) as server,
        client_of(server.plant, limits=SMALL) as client,
        pytest.raises(UnreachableError, match="goes on after its packed part"),
    ):
        client.get("factory-core", "/")


@pytest.mark.parametrize("line", [b"x", b"data: x\n"], ids=["a line", "lines"])
def test_a_message_without_an_end_breaks_the_connection(client_of: ClientOf, line: bytes) -> None:
    breaks: list[Break] = []
    endless = chain([b"id: 1\ndata: {}\n\n"], repeat(line * 1000))
    with (
        serve((200, STREAM, endless), (200, STREAM, b"id: 2\ndata: {}\n\n")) as server,
        client_of(server.plant, limits=SMALL) as client,
        closing(
            client.follow(Subscription("f", on_break=breaks.append, shortest_pause_seconds=0.01))
        ) as stream,
    ):
        seqs = [item.seq for item in islice(stream, 2) if isinstance(item, Event)]

    assert seqs == [1, 2]
    assert str(breaks[0]).startswith("incident-event sent a message of more than 100,000 bytes; connecting")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_many_messages_are_not_one_long_one(client_of: ClientOf, end: bytes) -> None:
    body = b"".join(b"id: %d%sdata: {}%s%s" % (seq, end, end, end) for seq in range(20_000))
    with (
        serve((200, f"{STREAM}\r\nContent-Encoding: gzip", gzip.compress(body))) as server,
        client_of(server.plant, limits=SMALL) as client,
        closing(client.follow(Subscription("f"))) as stream,
    ):
        assert len(list(islice(stream, 20_000))) == 20_000
