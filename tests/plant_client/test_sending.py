"""What cannot be sent: said in a sentence without the secret, before anything is sent."""

import traceback
from contextlib import closing

import pytest

from plant_client import Plant, PlantClient, Subscription, UnsendableError, read_token
from support.plant.both_clients import ClientOf, Connect

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://[zz]",
        "http://127.0.0.1:abc",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1:-1",
        " http://127.0.0.1",
        "http://127.0.0.1\n",
        "http://127.0.0.1/\x07",
        "http://127.0.0.1/a b",
        "http://127.0.0.1?x=1",
        "http://127.0.0.1#f",
        "http://127.0.0.1/?",
        f"http://{'a' * 64}.example",
        "http://a..example",
        "http://",
        "http://:80",
        "http:/v1",
        "127.0.0.1:80",
        "ftp://127.0.0.1",
        "",
        f"http://user:{SECRET}@127.0.0.1",
        f"user:{SECRET}@127.0.0.1",
        f"http://{SECRET}@127.0.0.1:abc",
        f"http://{SECRET}@[::1",
        f"http://{SECRET}\n@127.0.0.1",
    ],
)
def test_a_wrong_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(UnsendableError, match="the address of factory-core is not valid: it") as caught:
        Plant({"factory-core": url}, lambda: "token")

    assert SECRET not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000",
        "https://plant.example/api",
        "http://[::1]:80",
        "http://공장.example",
        "HTTP://A.",
        "http://my_host:1",
    ],
)
def test_a_right_address_is_accepted(url: str) -> None:
    with PlantClient(Plant({"factory-core": url}, lambda: "token")) as client:
        assert client.plant.urls["factory-core"] == url


@pytest.mark.parametrize("token", [f"{SECRET}\0", f"{SECRET}\nX: y", f"{SECRET}é", f"{SECRET}\udcff", " \n"])
def test_a_token_that_cannot_be_sent_is_not_repeated(
    connect: Connect, client_of: ClientOf, token: str
) -> None:
    with connect((200, "application/json", b'{"a": 1}')) as (server, _):
        plant = Plant({"factory-core": server.url, "incident-event": server.url}, lambda: token)
        with client_of(plant) as client:
            with pytest.raises(UnsendableError, match="the token") as caught:
                client.get("factory-core", "/")
            with closing(client.follow(Subscription("f"))) as stream, pytest.raises(UnsendableError):
                next(stream)

    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert server.requests == []


def test_white_space_around_a_token_is_not_part_of_it() -> None:
    assert read_token(f"\t{SECRET}\r\n") == SECRET


@pytest.mark.parametrize("value", [f"Bearer {SECRET}\n", f"Bearer {SECRET}é"])
def test_a_header_that_cannot_be_sent_is_not_repeated(connect: Connect, value: str) -> None:
    with (
        connect((200, "application/json", b'{"a": 1}')) as (_server, client),
        pytest.raises(UnsendableError, match="the request cannot be sent") as caught,
    ):
        client.send("factory-core", "GET", "/", headers={"Authorization": value})

    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), object(), "\ud800"],
    ids=["nan", "infinity", "an object", "half a character"],
)
def test_a_body_that_json_cannot_hold_is_not_sent(connect: Connect, value: object) -> None:
    with (
        connect((200, "application/json", b'{"a": 1}')) as (server, client),
        pytest.raises(UnsendableError, match="such as NaN"),
    ):
        client.post("factory-core", "/", {"threshold": value})

    assert server.requests == []


def test_a_proxy_that_cannot_be_used_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, client_of: ClientOf
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"odd://user:{SECRET}@proxy")
    plant = Plant({"factory-core": "http://plant.example"}, lambda: "token")
    with pytest.raises(UnsendableError, match="HTTP_PROXY") as caught, client_of(plant):
        pass

    assert SECRET not in "".join(traceback.format_exception(caught.value))
