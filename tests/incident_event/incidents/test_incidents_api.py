"""Reporting and working incidents over HTTP."""

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
import pytest

from support.plant.incident_event import REPORT, report

MakeClient = Callable[..., httpx.AsyncClient]


async def test_a_report_is_kept_as_it_was_sent(client: httpx.AsyncClient, factory_id: UUID) -> None:
    occurred_at = "2026-01-15T10:30:00.250000Z"
    made = await report(client, factory_id, occurred_at=occurred_at, equipment="pump-1", description="바닥")
    read = (await client.get(f"/v1/incidents/{made['id']}")).json()
    timeline = read.pop("timeline")
    assert read.pop("timeline_total") == 1
    assert read == made
    assert (made["status"], made["source"], made["title"]) == ("reported", "report", REPORT["title"])
    assert (made["occurred_at"], made["equipment"], made["description"]) == (occurred_at, "pump-1", "바닥")
    assert (made["condition"], made["occurrences"], made["reported_by"]) == (None, 1, "kim")
    [entry] = timeline
    assert (entry["what"], entry["by"], entry["to_status"]) == ("reported", "kim", "reported")


async def test_the_same_key_and_body_give_the_same_answer_even_after_it_was_worked(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    body = {"factory_id": str(factory_id), **REPORT}
    headers = {"Idempotency-Key": "!key~" * 51}
    first = await client.post("/v1/incidents", json=body, headers=headers)
    await client.post(f"/v1/incidents/{first.json()['id']}/acknowledge")
    again = await client.post("/v1/incidents", json=dict(reversed(body.items())), headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    other = await client.post("/v1/incidents", json={**body, "severity": 5}, headers=headers)
    assert other.status_code == 409
    assert other.json()["incident_id"] == first.json()["id"]


async def test_a_key_counts_per_factory_and_subject(client_as: MakeClient, factory_id: UUID) -> None:
    headers = {"Idempotency-Key": "mine"}
    made = set()
    for subject, factory in (("kim", factory_id), ("lee", factory_id), ("kim", uuid4())):
        body = {"factory_id": str(factory), **REPORT}
        answer = await client_as("operator", subject=subject).post(
            "/v1/incidents", json=body, headers=headers
        )
        assert answer.status_code == 201
        made.add(answer.json()["id"])
    assert len(made) == 3


async def test_racing_duplicates_make_one_incident(client: httpx.AsyncClient, factory_id: UUID) -> None:
    body = {"factory_id": str(factory_id), **REPORT}
    for burst in range(4):
        headers = {"Idempotency-Key": f"burst-{burst}"}
        answers = await asyncio.gather(
            *(client.post("/v1/incidents", json=body, headers=headers) for _ in range(12))
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
    listed = (await client.get("/v1/incidents", params={"factory": str(factory_id)})).json()
    assert len(listed["items"]) == 4


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "키"])
async def test_a_key_is_1_to_255_visible_ascii_characters(
    client: httpx.AsyncClient, factory_id: UUID, key: str
) -> None:
    answer = await client.post(
        "/v1/incidents",
        json={"factory_id": str(factory_id), **REPORT},
        headers={b"Idempotency-Key": key.encode()},
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("severity", 0),
        ("severity", 6),
        ("severity", "3"),
        ("type", "boredom"),
        ("title", ""),
        ("title", "x" * 201),
        ("title", "a\x00b"),
        ("description", "x" * 4001),
        ("equipment", "no spaces"),
        ("occurred_at", "2026-01-15T10:30:00"),
        ("occurred_at", "9000-01-01T00:00:00Z"),
        ("factory_id", "7"),
        ("surprise", 1),
    ],
)
async def test_a_wrong_field_is_named(
    client: httpx.AsyncClient, factory_id: UUID, field: str, value: object
) -> None:
    answer = await client.post("/v1/incidents", json={"factory_id": str(factory_id), **REPORT, field: value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_acknowledge_and_resolve_are_stamped_with_who_when_and_why(
    client_as: MakeClient, factory_id: UUID
) -> None:
    kim, lee = client_as("operator"), client_as("operator", subject="lee")
    path = f"/v1/incidents/{(await report(kim, factory_id))['id']}"
    acknowledged = (await kim.post(f"{path}/acknowledge", json={"reason": "가는 중"})).json()
    resolved = (await lee.post(f"{path}/resolve")).json()
    assert (acknowledged["status"], acknowledged["acknowledged_by"]) == ("acknowledged", "kim")
    assert (resolved["status"], resolved["resolved_by"]) == ("resolved", "lee")
    assert resolved["acknowledged_at"] == acknowledged["acknowledged_at"]
    timeline = (await kim.get(path)).json()["timeline"]
    assert [(one["what"], one["by"], one["reason"]) for one in timeline[1:]] == [
        ("acknowledge", "kim", "가는 중"),
        ("resolve", "lee", None),
    ]
    assert [one["from_status"] for one in timeline] == [None, "reported", "acknowledged"]
    assert timeline[1]["at"] == acknowledged["acknowledged_at"]


async def test_an_illegal_move_is_a_409_that_names_the_legal_ones(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    path = f"/v1/incidents/{(await report(client, factory_id))['id']}"
    refused = await client.post(f"{path}/resolve")
    assert refused.status_code == 409
    assert refused.json()["legal_moves"] == ["acknowledge"]
    assert refused.json()["detail"].endswith("legal moves from here: acknowledge.")
    assert (await client.get(path)).json()["timeline_total"] == 1


async def test_of_two_who_acknowledge_at_once_one_is_told_so(client_as: MakeClient, factory_id: UUID) -> None:
    people = [client_as("operator", subject=name) for name in ("kim", "lee", "park", "choi")]
    for _ in range(3):
        path = f"/v1/incidents/{(await report(people[0], factory_id))['id']}"
        answers = await asyncio.gather(*(one.post(f"{path}/acknowledge") for one in people))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        assert (await people[0].get(path)).json()["timeline_total"] == 2


async def test_a_list_is_newest_first_and_its_pages_do_not_shift(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    made = [(await report(client, factory_id))["id"] for _ in range(7)]
    query = {"factory": str(factory_id), "limit": "3"}
    seen, cursor = [], ""
    while cursor is not None:
        page = (
            await client.get("/v1/incidents", params=query | ({"cursor": cursor} if cursor else {}))
        ).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        await report(client, factory_id)
    assert seen == made[::-1]


async def test_a_list_is_filtered_by_status_type_and_severity(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    fire = await report(client, factory_id, type="fire", severity=5)
    fall = await report(client, factory_id, type="fall", severity=2)
    await client.post(f"/v1/incidents/{fall['id']}/acknowledge")

    async def listed(**only: str | list[str]) -> list[str]:
        answer = await client.get("/v1/incidents", params={"factory": str(factory_id), **only})
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await listed(status="reported") == [fire["id"]]
    assert await listed(status=["reported", "acknowledged"]) == [fall["id"], fire["id"]]
    assert await listed(type="fall") == [fall["id"]]
    assert await listed(severity="5") == [fire["id"]]
    assert await listed(rule=str(uuid4())) == []


async def listed_ids(client: httpx.AsyncClient, **query: str) -> list[str]:
    """Return the ids of a whole list, read two by two."""
    seen: list[str] = []
    wanted = {"limit": "2", **query}
    while True:
        answer = await client.get("/v1/incidents", params=wanted)
        assert answer.status_code == 200, answer.text
        seen += [item["id"] for item in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            return seen
        wanted["cursor"] = answer.json()["next_cursor"]


async def test_without_a_factory_a_list_is_over_all_that_the_token_is_for(client_as: MakeClient) -> None:
    first, second, other = uuid4(), uuid4(), uuid4()
    made = [
        (await report(client_as("operator"), factory))["id"]
        for factory in (first, second, other, second, first)
    ]
    ours = [made[4], made[3], made[1], made[0]]
    assert await listed_ids(client_as("viewer", factories=[first, second])) == ours
    assert await listed_ids(client_as("viewer", factories=[other])) == [made[2]]
    assert await listed_ids(client_as("viewer", factories=[])) == []
    assert (await listed_ids(client_as("viewer")))[:5] == made[::-1]


async def test_lists_over_factories_are_filtered_alike(client_as: MakeClient) -> None:
    factories = [uuid4(), uuid4()]
    operator, viewer = client_as("operator"), client_as("viewer", factories=factories)
    made = [await report(operator, factory, severity=level) for level in (2, 5) for factory in factories]
    await operator.post(f"/v1/incidents/{made[0]['id']}/acknowledge")
    assert await listed_ids(viewer, severity="5") == [made[3]["id"], made[2]["id"]]
    assert await listed_ids(viewer, status="acknowledged") == [made[0]["id"]]
    assert await listed_ids(viewer, type="fire") == []
    assert await listed_ids(viewer, rule=str(uuid4())) == []


async def test_an_incident_is_found_by_the_beginning_of_its_id(client_as: MakeClient) -> None:
    factories = [uuid4(), uuid4()]
    operator, viewer = client_as("operator"), client_as("viewer", factories=factories)
    made = [(await report(operator, factory))["id"] for factory in (*factories, factories[0])]
    for who in (operator, viewer):
        for prefix in (made[1], made[1].replace("-", "").upper(), made[1][:35]):
            assert await listed_ids(who, id_prefix=prefix) == [made[1]]
    assert await listed_ids(viewer, id_prefix=made[0][:4]) == made[::-1]
    assert await listed_ids(viewer, factory=str(factories[1]), id_prefix=made[0][:4]) == [made[1]]
    assert await listed_ids(viewer, id_prefix="ffff") == []


@pytest.mark.parametrize("prefix", ["", "01a", "01ag", "0" * 33, "-----"])
async def test_a_beginning_that_no_id_has_is_a_422(client: httpx.AsyncClient, prefix: str) -> None:
    answer = await client.get("/v1/incidents", params={"id_prefix": prefix})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "id_prefix")


@pytest.mark.parametrize(
    "query", ["status=lost", "severity=6", "limit=0", "cursor=x", "colour=red", "factory=1"]
)
async def test_a_wrong_query_is_a_422(client: httpx.AsyncClient, factory_id: UUID, query: str) -> None:
    base = "" if query.startswith("factory") else f"factory={factory_id}&"
    assert (await client.get(f"/v1/incidents?{base}{query}")).status_code == 422


async def test_another_factorys_incident_is_a_404(client_as: MakeClient, factory_id: UUID) -> None:
    made = await report(client_as("engineer"), factory_id)
    stranger = client_as("operator", factories=[uuid4()])
    path = f"/v1/incidents/{made['id']}"
    answers = [
        await stranger.get(path),
        await stranger.post(f"{path}/acknowledge"),
        await stranger.post(f"{path}/resolve"),
        await stranger.get("/v1/incidents", params={"factory": str(factory_id)}),
        await stranger.post("/v1/incidents", json={"factory_id": str(factory_id), **REPORT}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5


async def test_reading_is_for_viewers_and_reporting_is_not(client_as: MakeClient, factory_id: UUID) -> None:
    viewer, device = client_as("viewer"), client_as("device")
    query = {"factory": str(factory_id)}
    assert (await viewer.get("/v1/incidents", params=query)).status_code == 200
    assert (await device.get("/v1/incidents", params=query)).status_code == 403
    answer = await viewer.post("/v1/incidents", json={"factory_id": str(factory_id), **REPORT})
    assert answer.status_code == 403
