import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from contracts.factory_core import EquipmentCreated, FactoryCreated, ReadingsAccepted
from support.plant.bare_client import client_of
from support.plant.factory_core import MeasuredFactory, build_factory, reading
from support.servers import RunningProcess

Start = Callable[..., RunningProcess]


async def read_log(admin: httpx.AsyncClient, factory_id: UUID, count: int, **query: Any) -> Any:
    """Give the log once it holds so many events: the relay numbers them a moment after their commit."""
    for _ in range(400):
        answer = await admin.get("/v1/event-log", params={"factory": str(factory_id), **query})
        assert answer.status_code == 200, answer.text
        if answer.json()["head"] >= count:
            return answer.json()
        await asyncio.sleep(0.025)
    raise AssertionError(f"the log never held {count} events: {answer.text}")


async def test_everything_that_happens_is_in_the_log_in_order_exactly_once(running: Start) -> None:
    base_url = running("factory-core").base_url
    running("factory-core", "worker")
    async with client_of(base_url, "admin") as admin:
        factory = await build_factory(admin, "press-1")
        body = {
            "batch_id": "one",
            "readings": [reading(1, 1), reading(1, 2), reading(0, 3, metric="speed", quality="bad"), 17],
        }
        answers = [
            await factory.send_body(body),
            await factory.send_body(body),
            await factory.send([reading(1, 9)], "only-duplicates"),
            await factory.send([17], "nothing-usable"),
            await factory.send([reading(1, 9), reading(2, 4)], "one-of-two"),
        ]
        assert [answer.json()["accepted"] for answer in answers] == [2, 2, 0, 0, 1]
        log = await read_log(admin, factory.factory_id, 4)
        assert [item["seq"] for item in log["items"]] == [1, 2, 3, 4]
        assert (log["head"], log["oldest"]) == (4, 1)
        created, equipment, first, second = [parse(item) for item in log["items"]]
        assert isinstance(created, FactoryCreated)
        assert created.factory_id == factory.factory_id
        assert isinstance(equipment, EquipmentCreated)
        assert (equipment.tag, equipment.kind) == ("press-1", "other")
        assert isinstance(first, ReadingsAccepted)
        assert isinstance(second, ReadingsAccepted)
        force, speed = first.series
        assert (force.source, force.metric, force.value, force.quality) == ("press-1", "force", [1], None)
        assert (speed.metric, speed.value, speed.quality) == ("speed", [3], ["bad"])
        assert force.equipment_id == speed.equipment_id == equipment.equipment_id
        assert [moment.isoformat() for moment in force.at] == ["2026-01-15T10:30:01+00:00"]
        assert (second.batch_id, [one.value for one in second.series]) == ("one-of-two", [[4]])

        rest = await read_log(admin, factory.factory_id, 4, after=2, limit=1)
        assert [item["seq"] for item in rest["items"]] == [3]
        heads = (await admin.get("/v1/event-log/heads")).json()
        assert heads == {"items": [{"factory_id": str(factory.factory_id), "head": 4}], "next_cursor": None}


def parse(item: dict[str, Any]) -> Any:
    kinds = {kind.type: kind for kind in (FactoryCreated, EquipmentCreated, ReadingsAccepted)}
    return msgspec.convert(item["payload"], kinds[item["type"]])


async def test_the_list_of_heads_walks_every_factory_once(running: Start) -> None:
    base_url = running("factory-core").base_url
    running("factory-core", "worker")
    async with client_of(base_url, "admin") as admin:
        factories = [await build_factory(admin, "press-1") for _ in range(3)]
        for factory in factories:
            await read_log(admin, factory.factory_id, 2)
        first = (await admin.get("/v1/event-log/heads", params={"limit": 2})).json()
        query = {"limit": 2, "cursor": first["next_cursor"]}
        rest = (await admin.get("/v1/event-log/heads", params=query)).json()
        seen = [item["factory_id"] for item in first["items"] + rest["items"]]
        assert seen == sorted(str(factory.factory_id) for factory in factories)
        assert rest["next_cursor"] is None

        own = UUID(seen[2])
        async with client_of(base_url, "admin", factories=[own]) as other:
            page = (await other.get("/v1/event-log/heads", params={"limit": 1})).json()
        assert page == {"items": [{"factory_id": seen[2], "head": 2}], "next_cursor": None}


@pytest.mark.parametrize("role", ["viewer", "operator", "engineer", "device", "alertmanager"])
async def test_the_log_is_for_admins_only(
    client_as: Callable[..., httpx.AsyncClient], factory: MeasuredFactory, role: str
) -> None:
    client = client_as(role)
    for path in (f"/v1/event-log?factory={factory.factory_id}", "/v1/event-log/heads"):
        assert (await client.get(path)).status_code == 403


async def test_an_admin_of_other_factories_does_not_see_the_log(
    client_as: Callable[..., httpx.AsyncClient], factory: MeasuredFactory
) -> None:
    admin = client_as("admin", factories=[uuid4()])
    assert (await admin.get(f"/v1/event-log?factory={factory.factory_id}")).status_code == 404
    assert (await admin.get("/v1/event-log/heads")).json()["items"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "factory"),
        ("factory=7", "factory"),
        ("factory={id}&after=-1", "after"),
        ("factory={id}&limit=0", "limit"),
    ],
)
async def test_a_wrong_parameter_is_named(
    client_as: Callable[..., httpx.AsyncClient], factory: MeasuredFactory, query: str, field: str
) -> None:
    refused = await client_as("admin").get("/v1/event-log?" + query.format(id=factory.factory_id))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == field
