"""The event stream over real HTTP: live, resumed, filtered, refused and ended."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from support.plant.bare_client import client_of
from support.plant.incident_event import listening, report
from support.servers import AUTH_SECRET, Postgres, RunningProcess
from utils.auth import Role, issue_token

MakeClient = Callable[..., httpx.AsyncClient]


async def test_what_happens_is_told_live_and_in_order(client: httpx.AsyncClient, factory_id: UUID) -> None:
    async with listening(client, factory_id) as listener:
        assert (listener.retry, listener.last_id) == (2000, 0)
        made = await report(client, factory_id)
        await client.post(f"/v1/incidents/{made['id']}/acknowledge", json={"reason": "줄\n바꿈"})
        reported, acknowledged = await listener.take(2)
    assert (reported.id, reported.type) == (1, "incident.reported.v1")
    assert set(reported.data) == {"seq", "type", "factory_id", "at", "payload"}
    assert (reported.data["seq"], reported.data["type"]) == (1, reported.type)
    assert reported.data["factory_id"] == str(factory_id)
    assert reported.data["payload"]["incident_id"] == made["id"]
    assert (acknowledged.id, acknowledged.type) == (2, "incident.acknowledged.v1")
    assert acknowledged.data["payload"]["reason"] == "줄\n바꿈"


async def test_a_stream_resumes_without_gap_and_nothing_twice(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    for _ in range(5):
        await report(client, factory_id)
    async with listening(client, factory_id, last_id=0) as listener:
        assert [message.id for message in await listener.take(3)] == [1, 2, 3]
    await report(client, factory_id)
    async with listening(client, factory_id, last_id=3) as listener:
        await report(client, factory_id)
        assert [message.id for message in await listener.take(4)] == [4, 5, 6, 7]
    async with listening(client, factory_id, last_event_id="6") as listener:
        assert (await listener.next()).id == 7


async def test_a_polyfill_resumes_by_its_own_parameter_and_the_header_wins(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    for _ in range(3):
        await report(client, factory_id)
    async with listening(client, factory_id, lastEventId="1") as listener:
        assert [message.id for message in await listener.take(2)] == [2, 3]
    async with listening(client, factory_id, last_id=2, lastEventId="1") as listener:
        assert (await listener.next()).id == 3
    refused = await client.get("/v1/events", params={"factory": str(factory_id), "lastEventId": "x"})
    assert [error["field"] for error in refused.json()["errors"]] == ["lastEventId"]


async def test_the_position_told_at_the_beginning_is_good_for_resuming(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    await report(client, factory_id)
    async with listening(client, factory_id, last_id=0) as listener:
        await listener.next()
    async with listening(client, factory_id) as listener:
        position = listener.last_id
    await report(client, factory_id)
    async with listening(client, factory_id, last_id=position) as listener:
        assert (position, (await listener.next()).id) == (1, 2)


async def test_an_id_from_the_future_is_reset_to_the_head(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    await report(client, factory_id)
    async with listening(client, factory_id, last_id=0) as listener:
        await listener.next()
    async with listening(client, factory_id, last_id=999) as listener:
        message = await listener.next()
        assert (message.type, message.id, message.data) == ("reset", 1, {"seq": 1})
        await report(client, factory_id)
        assert (await listener.next()).id == 2


@pytest.mark.parametrize("last_id", ["-1", "1.5", "x", "٣", str(2**63)])
async def test_an_id_that_is_none_is_a_422(client: httpx.AsyncClient, factory_id: UUID, last_id: str) -> None:
    query = {"factory": str(factory_id)}
    by_query = await client.get("/v1/events", params={**query, "last_event_id": last_id})
    assert by_query.status_code == 422
    assert by_query.json()["errors"][0]["field"] == "last_event_id"
    headers = {b"Last-Event-ID": last_id.encode()}
    by_header = await client.get("/v1/events", params=query, headers=headers)
    assert by_header.status_code == 422


async def test_only_the_types_asked_for_are_told_and_the_position_still_moves(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    async with listening(client, factory_id, types="incident.acknowledged.v1") as listener:
        first = await report(client, factory_id)
        await client.post(f"/v1/incidents/{first['id']}/acknowledge")
        assert (await listener.next()).id == 2
        await report(client, factory_id)
        async with asyncio.timeout(10):
            while listener.last_id != 3:
                await listener.word()
    refused = await client.get("/v1/events", params={"factory": str(factory_id), "types": "incident.lost.v1"})
    assert refused.status_code == 422
    assert "incident.reported.v1" in refused.json()["errors"][0]["detail"]


async def test_a_stream_on_which_nothing_happens_says_that_it_lives(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    said, query = b"", {"factory": str(factory_id)}
    async with asyncio.timeout(5), client.stream("GET", "/v1/events", params=query) as response:
        async for chunk in response.aiter_raw():
            said += chunk
            if said.count(b"\n: heartbeat\n\n") == 2:
                return
    raise AssertionError(said)


async def test_the_headers_keep_proxies_from_holding_events_back(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    async with listening(client, factory_id) as listener:
        headers = listener.response.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")


async def test_a_stream_is_for_who_may_read_the_factory(
    client_as: MakeClient, shared_service: RunningProcess, factory_id: UUID
) -> None:
    query = {"factory": str(factory_id)}
    assert (await client_as("viewer", [uuid4()]).get("/v1/events", params=query)).status_code == 404
    assert (await client_as("device").get("/v1/events", params=query)).status_code == 403
    assert (await client_as("viewer").get("/v1/events")).status_code == 422
    async with httpx.AsyncClient(base_url=shared_service.base_url, trust_env=False) as stranger:
        assert (await stranger.get("/v1/events", params=query)).status_code == 401
    async with listening(client_as("viewer", [factory_id]), factory_id) as listener:
        assert listener.retry == 2000


async def test_one_factorys_events_are_not_told_to_another(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    async with listening(client, factory_id) as listener:
        await report(client, uuid4())
        mine = await report(client, factory_id)
        assert (await listener.next()).data["payload"]["incident_id"] == mine["id"]


async def test_streams_hold_no_database_session(
    client: httpx.AsyncClient, postgres: Postgres, factory_id: UUID
) -> None:
    async def hold() -> None:
        async with listening(client, factory_id) as listener:
            await listener.ended(seconds=60)

    holding = [asyncio.create_task(hold()) for _ in range(30)]
    try:
        await asyncio.sleep(1)
        assert not any(task.done() for task in holding)
        await asyncio.wait_for(report(client, factory_id), 5)
        sessions = postgres.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'running_incident_event' "
            "AND application_name = 'incident-event' AND state <> 'idle'"
        )
        assert int(sessions) <= 1
    finally:
        for task in holding:
            task.cancel()
        await asyncio.gather(*holding, return_exceptions=True)


async def test_a_stream_ends_when_its_token_expires(shared_service: RunningProcess, factory_id: UUID) -> None:
    token = issue_token(AUTH_SECRET, subject="kim", role=Role.VIEWER, lifetime=timedelta(seconds=2))
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=shared_service.base_url, headers=headers, trust_env=False) as client,
        listening(client, factory_id) as listener,
    ):
        await listener.ended(seconds=5)


async def test_a_process_that_is_told_to_stop_ends_its_streams(
    running: Callable[..., RunningProcess], factory_id: UUID
) -> None:
    api = running("incident-event")
    async with client_of(api.base_url) as client, listening(client, factory_id) as listener:
        api.process.terminate()
        await listener.ended(seconds=5)
        assert await asyncio.to_thread(api.wait_exit) == 0
