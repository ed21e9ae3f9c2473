"""The clients against everything a network may answer."""

import json
import socket
from itertools import count

import pytest

from plant_client import Plant, RefusedError, UnreachableError
from support.plant.both_clients import ClientOf, Connect

JSON = "application/json"
NESTED = b'{"a":' * 200_000 + b"1" + b"}" * 200_000
PROBLEM = "application/problem+json"
PAGES = [{"items": [{"n": 1}, {"n": 2}], "next_cursor": "abc"}, {"items": [{"n": 3}], "next_cursor": None}]


def test_a_list_is_read_to_its_last_page(connect: Connect) -> None:
    with connect(*((200, JSON, json.dumps(page).encode()) for page in PAGES)) as (server, client):
        items: list[object] = list(client.items("factory-core", "/v1/factories", status="open", other=None))

    assert items == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert [request.path for request in server.requests] == [
        "/v1/factories?limit=200&status=open",
        "/v1/factories?limit=200&status=open&cursor=abc",
    ]
    assert server.requests[0].headers["authorization"] == "Bearer token"


def test_every_request_has_a_token_of_its_own_or_the_callers(connect: Connect, client_of: ClientOf) -> None:
    numbers = count(1)
    with connect((200, JSON, b'{"a": 1}')) as (server, _):
        plant = Plant({"factory-core": server.url}, lambda: f"token {next(numbers)}")
        with client_of(plant) as client:
            client.get("factory-core", "/")
            client.post("factory-core", "/", {}, headers={"Idempotency-Key": "k"})
            client.send("factory-core", "GET", "/", headers={"Authorization": ""})

    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer token 1",
        "Bearer token 2",
        "",
    ]
    assert server.requests[1].headers["idempotency-key"] == "k"


def test_a_body_of_bytes_is_sent_as_it_is(connect: Connect) -> None:
    with connect((200, JSON, b'{"a": 1}')) as (server, client):
        client.post_bytes("factory-core", "/v1/readings", b" {} ")
        client.post_bytes(
            "factory-core", "/v1/files", b"\x00", content_type="image/png", name="그림", size=None
        )

    first, second = server.requests
    assert (first.body, first.path, first.headers["content-type"]) == (b" {} ", "/v1/readings", JSON)
    assert (second.body, second.headers["content-type"]) == (b"\0", "image/png")
    assert second.path == "/v1/files?name=%EA%B7%B8%EB%A6%BC"


def test_a_refusal_is_told_by_its_problem_document(connect: Connect) -> None:
    body = b'{"title": "Conflict", "status": 409, "detail": "The tag is taken"}'
    with (
        connect((409, PROBLEM, body)) as (_server, client),
        pytest.raises(RefusedError, match="Conflict: The tag is taken") as caught,
    ):
        client.post("factory-core", "/v1/factories", {})

    assert caught.value.status == 409


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_service_that_cannot_answer_now_counts_as_unreachable(connect: Connect, status: int) -> None:
    with (
        connect((status, PROBLEM, b'{"title": "Temporarily unavailable"}')) as (_server, client),
        pytest.raises(UnreachableError, match="cannot answer now: Temporarily unavailable") as caught,
    ):
        client.get("factory-core", "/v1/factories")

    assert caught.value.status == status


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (200, b"[]"), (200, NESTED), (302, b"")])
def test_an_answer_of_something_else_asks_about_the_address(
    connect: Connect, status: int, body: bytes
) -> None:
    with (
        connect((status, "text/html", body)) as (_server, client),
        pytest.raises(RefusedError, match="does not answer like factory-core"),
    ):
        client.get("factory-core", "/v1/factories")


def test_who_sends_gets_every_answer(connect: Connect) -> None:
    with connect((500, "text/plain", b"oh")) as (_server, client):
        answer = client.send("factory-core", "POST", "/v1/factories", params={"a": 1})

    assert (answer.status_code, answer.content, answer.request.url.query) == (500, b"oh", b"a=1")


def test_a_port_nobody_listens_on_says_which_service_and_where(client_of: ClientOf) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        plant = Plant({"factory-core": url, "incident-event": url}, lambda: "token")
        with (
            client_of(plant) as client,
            pytest.raises(UnreachableError, match=f"incident-event at {url}") as caught,
        ):
            client.get("incident-event", "/v1/rules")

    assert caught.value.status is None


def test_an_answer_that_cannot_be_unpacked_is_none(connect: Connect) -> None:
    with (
        connect((200, f"{JSON}\r\nContent-Encoding: gzip", b"no gzip")) as (_server, client),
        pytest.raises(UnreachableError, match="cannot reach factory-core"),
    ):
        client.get("factory-core", "/v1/factories")


@pytest.mark.parametrize("items", [None, {}, "ab", 1, [1], [None], [{}, []]])
def test_a_page_that_holds_no_list_of_objects_is_refused(connect: Connect, items: object) -> None:
    with (
        connect((200, JSON, json.dumps({"items": items, "a": 1}).encode())) as (_server, client),
        pytest.raises(RefusedError, match="factory-core does not answer like a plant: it sent a page"),
    ):
        list(client.items("factory-core", "/v1/factories"))


@pytest.mark.parametrize("cursors", [["a", "a"], ["a", "b", "a"], [1], [{}], [["a"]], [True], [""]])
def test_a_cursor_that_leads_nowhere_is_refused(connect: Connect, cursors: list[object]) -> None:
    pages = [json.dumps({"items": [], "next_cursor": cursor}).encode() for cursor in cursors]
    with (
        connect(*((200, JSON, page) for page in pages)) as (server, client),
        pytest.raises(RefusedError, match="it sent a cursor"),
    ):
        list(client.items("factory-core", "/v1/factories"))

    assert len(server.requests) == len(cursors)


def test_a_refusal_without_a_reason_names_the_service(connect: Connect) -> None:
    with (
        connect((404, "text/html", b"<html>")) as (_server, client),
        pytest.raises(
            RefusedError, match="factory-core answered with HTTP status 404 and no reason"
        ) as caught,
    ):
        client.get("factory-core", "/v1/factories")

    assert caught.value.status == 404
