from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

FLOOR = {"width_m": 80.0, "depth_m": 40.5, "height_m": 12.0}
Clients = Callable[..., httpx.AsyncClient]


async def create(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/factories", json={"name": "Ulsan 2공장", **body})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


async def test_a_created_factory_is_read_back_as_it_was_answered(client: httpx.AsyncClient) -> None:
    created = await create(client, timezone="Asia/Seoul", floor=FLOOR)
    read = await client.get(f"/v1/factories/{created['id']}")
    assert read.json() == created
    assert created["name"] == "Ulsan 2공장"
    assert created["timezone"] == "Asia/Seoul"
    assert created["floor"] == FLOOR
    assert created["layout_version"] == 1
    assert created["created_at"].endswith("Z")
    assert UUID(created["id"]).version == 7


async def test_time_zone_and_floor_may_be_left_out(client: httpx.AsyncClient) -> None:
    created = await create(client)
    assert (created["timezone"], created["floor"]) == ("UTC", None)


async def test_two_factories_may_have_one_name(client: httpx.AsyncClient) -> None:
    assert (await create(client))["id"] != (await create(client))["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": 7}, "name"),
        ({"name": None}, "name"),
        ({"name": "x", "timezone": "Asia/Soul"}, "timezone"),
        ({"name": "x", "timezone": "../etc/passwd"}, "timezone"),
        ({"name": "x", "timezone": "+09:00"}, "timezone"),
        ({"name": "x", "floor": {"width_m": 1, "depth_m": 1}}, "floor.height_m"),
        ({"name": "x", "floor": {**FLOOR, "width_m": 0}}, "floor.width_m"),
        ({"name": "x", "floor": {**FLOOR, "width_m": "80"}}, "floor.width_m"),
        ({"name": "x", "floor": {**FLOOR, "width_m": 1e6}}, "floor.width_m"),
        ({"name": "x", "floor": {**FLOOR, "colour": 1}}, "floor.colour"),
        ({"name": "x", "id": str(uuid4())}, "id"),
    ],
)
async def test_a_wrong_field_is_named(client: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    answer = await client.post("/v1/factories", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
async def test_a_floor_that_is_no_number_is_refused(client: httpx.AsyncClient, number: str) -> None:
    body = f'{{"name":"x","floor":{{"width_m":{number},"depth_m":1,"height_m":1}}}}'
    answer = await client.post("/v1/factories", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] in {"floor.width_m", "body"}


async def test_the_list_walks_every_factory_once_in_the_order_of_creation(
    client: httpx.AsyncClient, client_as: Clients
) -> None:
    ids = [(await create(client))["id"] for _ in range(5)]
    viewer = client_as("viewer", factories=[UUID(one) for one in ids])
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await viewer.get("/v1/factories", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ids
    assert cursor is None


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=201", "limit=x", "cursor=x", "order=name"])
async def test_a_wrong_query_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/factories?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


async def test_a_token_sees_only_its_own_factories(client: httpx.AsyncClient, client_as: Clients) -> None:
    own, other = (await create(client))["id"], (await create(client))["id"]
    viewer = client_as("viewer", factories=[UUID(own)])
    assert [item["id"] for item in (await viewer.get("/v1/factories")).json()["items"]] == [own]
    assert (await viewer.get(f"/v1/factories/{own}")).status_code == 200
    hidden = await viewer.get(f"/v1/factories/{other}")
    missing = await viewer.get(f"/v1/factories/{uuid4()}")
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json()["title"] == missing.json()["title"]


async def test_a_token_for_certain_factories_creates_none(client_as: Clients) -> None:
    answer = await client_as("engineer", factories=[uuid4()]).post("/v1/factories", json={"name": "x"})
    assert answer.status_code == 403


@pytest.mark.parametrize("role", ["viewer", "operator", "device", "alertmanager"])
async def test_who_may_not_write_factories_is_told(client_as: Clients, role: str) -> None:
    answer = await client_as(role).post("/v1/factories", json={"name": "x"})
    assert answer.status_code == 403


async def test_an_id_that_is_none_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/factories/7")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "factory_id"
