"""Events that could not be handled: listed, and tried again, over HTTP."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
import httpx
import msgspec
import pytest

from contracts.factory_core import ReadingsAccepted, SeriesReadings
from support.kit.events import eventually
from support.plant.incident_event import RULE
from utils.clock import utc_now

ADD = """
    INSERT INTO incident_event.consumer_set_aside
        (consumer, publisher, factory_id, seq, type, occurred_at, payload, reason, attempts)
    VALUES ('incident-event', 'factory-core', $1, $2, $3, now(), $4, 'ValueError', 3)
"""

MakeClient = Callable[..., httpx.AsyncClient]
SetAside = Callable[..., Awaitable[None]]


def readings(value: float) -> bytes:
    series = SeriesReadings("pump-1", "pressure", uuid4(), [utc_now()], [value])
    return msgspec.json.encode(ReadingsAccepted("b", utc_now(), [series]))


@pytest.fixture
async def set_aside(shared_environment: dict[str, str], factory_id: UUID) -> SetAside:
    """Set events aside, as the worker does."""

    async def add(seq: int, payload: bytes = b"{}") -> None:
        connection = await asyncpg.connect(shared_environment["DATABASE_URL"])
        try:
            await connection.execute(ADD, factory_id, seq, ReadingsAccepted.type, payload)
        finally:
            await connection.close()

    return add


async def test_events_set_aside_are_listed_page_by_page_to_who_sees_their_factory(
    client: httpx.AsyncClient, client_as: MakeClient, factory_id: UUID, set_aside: SetAside
) -> None:
    for seq in (7, 5, 9):
        await set_aside(seq)
    query = {"factory": str(factory_id), "limit": "2"}
    first = (await client.get("/v1/set-aside-events", params=query)).json()
    rest = await client.get("/v1/set-aside-events", params={**query, "cursor": first["next_cursor"]})
    assert [item["seq"] for item in first["items"] + rest.json()["items"]] == [5, 7, 9]
    assert (first["items"][0]["reason"], first["items"][0]["attempts"]) == ("ValueError", 3)
    mine = client_as("viewer", factories=[factory_id])
    assert len((await mine.get("/v1/set-aside-events")).json()["items"]) == 3
    stranger = client_as("viewer", factories=[uuid4()])
    assert (await stranger.get("/v1/set-aside-events")).json()["items"] == []
    assert (await stranger.get("/v1/set-aside-events", params=query)).status_code == 404


async def test_a_retried_event_is_evaluated_and_leaves_the_list(
    client: httpx.AsyncClient, factory_id: UUID, set_aside: SetAside
) -> None:
    rule = {
        "factory_id": str(factory_id),
        **RULE,
        "equipment": "pump-1",
        "metric": "pressure",
        "threshold": 5,
    }
    assert (await client.post("/v1/rules", json=rule)).status_code == 201
    await set_aside(2**40, readings(9.0))
    await set_aside(2**40 + 1, b"[]")
    answer = await client.post("/v1/set-aside-events/retry", json={"factory_id": str(factory_id)})
    assert (answer.status_code, len(answer.json()["items"])) == (202, 2)

    async def only_the_unreadable_is_left() -> bool:
        query = {"factory": str(factory_id)}
        items = (await client.get("/v1/set-aside-events", params=query)).json()["items"]
        return [(item["seq"], item["attempts"]) for item in items] == [(2**40 + 1, 4)]

    await eventually(only_the_unreadable_is_left)
    incidents = (await client.get("/v1/incidents", params={"factory": str(factory_id)})).json()["items"]
    assert len(incidents) == 1


async def test_without_anything_to_retry_there_is_nothing(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    for body in ({"factory_id": str(factory_id)}, {"factory_id": str(factory_id), "seq": 3}):
        assert (await client.post("/v1/set-aside-events/retry", json=body)).status_code == 404


@pytest.mark.parametrize("seq", [0, -1, 2**63, 1.5, "three"])
async def test_a_seq_that_is_none_is_refused_by_its_name(
    client: httpx.AsyncClient, factory_id: UUID, seq: object
) -> None:
    body = {"factory_id": str(factory_id), "seq": seq}
    answer = await client.post("/v1/set-aside-events/retry", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].endswith("seq")
