"""The client against everything a network may answer."""

import json
import socket

import pytest

from scripted_server import connect
from vfactory.client.api import Plant, PlantClient
from vfactory.client.errors import RefusedError, UnreachableError

JSON = "application/json"
PROBLEM = "application/problem+json"


def test_a_list_is_read_to_its_last_page() -> None:
    pages = [{"items": [1, 2], "next_cursor": "abc"}, {"items": [3], "next_cursor": None}]
    with connect(*((200, JSON, json.dumps(page).encode()) for page in pages)) as (server, client):
        items: list[object] = list(client.items("factory-core", "/v1/factories", status="open", other=None))

    assert items == [1, 2, 3]
    assert [request.path for request in server.requests] == [
        "/v1/factories?limit=200&status=open",
        "/v1/factories?limit=200&status=open&cursor=abc",
    ]
    assert server.requests[0].headers["authorization"] == "Bearer token"


def test_a_refusal_is_told_by_its_problem_document() -> None:
    body = b'{"title": "Conflict", "status": 409, "detail": "The tag is taken"}'
    with (
        connect((409, PROBLEM, body)) as (_server, client),
        pytest.raises(RefusedError, match="Conflict: The tag is taken") as caught,
    ):
        client.post("factory-core", "/v1/factories", {})

    assert caught.value.status == 409


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_service_that_cannot_answer_now_counts_as_unreachable(status: int) -> None:
    with (
        connect((status, PROBLEM, b'{"title": "Temporarily unavailable"}')) as (_server, client),
        pytest.raises(UnreachableError, match="cannot answer now: Temporarily unavailable"),
    ):
        client.get("factory-core", "/v1/factories")


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (200, b"[]"), (302, b"")])
def test_an_answer_of_something_else_asks_about_the_address(status: int, body: bytes) -> None:
    with (
        connect((status, "text/html", body)) as (_server, client),
        pytest.raises(RefusedError, match="does not answer like factory-core"),
    ):
        client.get("factory-core", "/v1/factories")


def test_a_port_nobody_listens_on_says_which_service_and_where() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        plant = Plant({"factory-core": url, "incident-event": url}, lambda: "token")
        with PlantClient(plant) as client, pytest.raises(UnreachableError, match=f"incident-event at {url}"):
            client.get("incident-event", "/v1/rules")
