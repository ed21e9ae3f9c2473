import asyncio
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from contracts.platform import PLATFORM_FACTORY_ID
from support.servers import Postgres

FLOOR = {"width_m": 80.0, "depth_m": 40.5, "height_m": 12.0}
Clients = Callable[..., httpx.AsyncClient]


async def create(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/factories", json={"name": f"Ulsan 2공장 {uuid4()}", **body})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


async def test_a_created_factory_is_read_back_as_it_was_answered(client: httpx.AsyncClient) -> None:
    name = f"Ulsan 2공장 {uuid4()}"
    created = await create(client, name=name, timezone="Asia/Seoul", floor=FLOOR)
    read = await client.get(f"/v1/factories/{created['id']}")
    assert read.json() == created
    assert created["name"] == name
    assert created["timezone"] == "Asia/Seoul"
    assert created["floor"] == FLOOR
    assert created["layout_version"] == 1
    assert created["created_at"].endswith("Z")
    assert UUID(created["id"]).version == 7


async def test_time_zone_and_floor_may_be_left_out(client: httpx.AsyncClient) -> None:
    created = await create(client)
    assert (created["timezone"], created["floor"]) == ("UTC", None)


@pytest.mark.parametrize("form", [str, str.upper, " {} ".format, partial(unicodedata.normalize, "NFD")])
async def test_a_name_that_is_taken_is_refused_with_the_id_of_the_factory_that_has_it(
    client: httpx.AsyncClient, form: Callable[[str], str]
) -> None:
    name = f"Café 공장 {uuid4()}"
    taken = await create(client, name=name)
    refused = await client.post("/v1/factories", json={"name": form(name)})
    assert refused.status_code == 409
    assert refused.json()["factory_id"] == taken["id"]
    assert taken["id"] in refused.json()["detail"]
    assert name in refused.json()["detail"]


async def test_a_name_that_an_older_release_gave_during_an_update_is_taken_too(
    client: httpx.AsyncClient, postgres: Postgres
) -> None:
    url = postgres.url("running_factory_core")
    old = await asyncpg.connect(url, server_settings={"search_path": "factory_core"})
    factory_id, name = uuid4(), f"Café {uuid4()}"
    await old.execute(
        "INSERT INTO factories (id, name, timezone, layout_version, created_at) "
        "VALUES ($1, $2, 'UTC', 1, now())",
        factory_id,
        name,
    )
    await old.close()
    refused = await client.post("/v1/factories", json={"name": name.upper()})
    assert (refused.status_code, refused.json()["factory_id"]) == (409, str(factory_id))


async def test_the_platform_has_its_name_to_itself(client: httpx.AsyncClient) -> None:
    refused = await client.post("/v1/factories", json={"name": "Platform"})
    assert (refused.status_code, refused.json()["factory_id"]) == (409, str(PLATFORM_FACTORY_ID))


async def test_of_those_who_race_for_a_name_one_has_it(client: httpx.AsyncClient) -> None:
    name = f"raced {uuid4()}"
    answers = await asyncio.gather(*(client.post("/v1/factories", json={"name": name}) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    [created] = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert {answer.json()["factory_id"] for answer in answers if answer.status_code == 409} == {created}


async def test_a_name_is_kept_in_its_one_form(client: httpx.AsyncClient) -> None:
    name = f"Café 공장 {uuid4()}"
    created = await create(client, name=f"  {unicodedata.normalize('NFD', name)}\u3000")
    assert created["name"] == name


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "\u3000 "}, "name"),
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
