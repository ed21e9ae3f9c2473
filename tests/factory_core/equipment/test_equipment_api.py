import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from factory_core.equipment.lifecycle import EquipmentKind


@pytest.fixture
async def equipment(client: httpx.AsyncClient) -> str:
    """The path of a new factory's equipment."""
    created = await client.post("/v1/factories", json={"name": f"a plant {uuid4()}"})
    return f"/v1/factories/{created.json()['id']}/equipment"


async def test_created_equipment_is_read_back_as_it_was_answered(
    client: httpx.AsyncClient, equipment: str
) -> None:
    answer = await client.post(equipment, json={"tag": "press-1", "name": "프레스", "kind": "press"})
    assert answer.status_code == 201
    created = answer.json()
    assert (await client.get(f"{equipment}/{created['id']}")).json() == created
    assert created["factory_id"] in equipment
    assert (created["tag"], created["name"], created["kind"]) == ("press-1", "프레스", "press")
    assert UUID(created["id"]).version == 7


async def test_name_and_kind_may_be_left_out(client: httpx.AsyncClient, equipment: str) -> None:
    created = (await client.post(equipment, json={"tag": "T.1"})).json()
    assert (created["name"], created["kind"]) == ("T.1", "other")


async def test_every_kind_is_accepted(client: httpx.AsyncClient, equipment: str) -> None:
    for kind in EquipmentKind:
        answer = await client.post(equipment, json={"tag": kind.value, "kind": kind.value})
        assert answer.status_code == 201, answer.text


async def test_a_tag_is_given_once_however_many_race_for_it(
    client: httpx.AsyncClient, equipment: str
) -> None:
    answers = await asyncio.gather(*(client.post(equipment, json={"tag": "one"}) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert "one" in next(answer for answer in answers if answer.status_code == 409).json()["detail"]
    assert len((await client.get(equipment)).json()["items"]) == 1


async def test_another_factory_may_have_the_same_tag(client: httpx.AsyncClient, equipment: str) -> None:
    other = (await client.post("/v1/factories", json={"name": f"other {uuid4()}"})).json()["id"]
    for path in (equipment, f"/v1/factories/{other}/equipment"):
        assert (await client.post(path, json={"tag": "press-1"})).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "tag"),
        ({"tag": ""}, "tag"),
        ({"tag": "-a"}, "tag"),
        ({"tag": "a b"}, "tag"),
        ({"tag": "a\n"}, "tag"),
        ({"tag": "프레스"}, "tag"),
        ({"tag": "x" * 101}, "tag"),
        ({"tag": "x", "kind": "toaster"}, "kind"),
        ({"tag": "x", "name": ""}, "name"),
        ({"tag": "x", "name": "a\x00"}, "name"),
        ({"tag": "x", "pose": {}}, "pose"),
    ],
)
async def test_a_wrong_field_is_named(
    client: httpx.AsyncClient, equipment: str, body: dict[str, Any], field: str
) -> None:
    answer = await client.post(equipment, json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_the_list_walks_every_piece_once(client: httpx.AsyncClient, equipment: str) -> None:
    for number in range(5):
        await client.post(equipment, json={"tag": f"t{number}"})
    first = (await client.get(equipment, params={"limit": 3})).json()
    rest = (await client.get(equipment, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [item["tag"] for item in first["items"] + rest["items"]] == ["t0", "t1", "t2", "t3", "t4"]
    assert rest["next_cursor"] is None


async def test_equipment_of_no_factory_is_not_found(client: httpx.AsyncClient) -> None:
    path = f"/v1/factories/{uuid4()}/equipment"
    assert (await client.get(path)).status_code == 404
    assert (await client.post(path, json={"tag": "x"})).status_code == 404
    assert (await client.get(f"{path}/{uuid4()}")).status_code == 404


async def test_equipment_is_not_found_through_another_factory(
    client: httpx.AsyncClient, equipment: str
) -> None:
    created = (await client.post(equipment, json={"tag": "x"})).json()
    other = (await client.post("/v1/factories", json={"name": f"other {uuid4()}"})).json()["id"]
    assert (await client.get(f"/v1/factories/{other}/equipment/{created['id']}")).status_code == 404
