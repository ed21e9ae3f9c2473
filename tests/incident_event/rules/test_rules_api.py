"""Creating and reading rules over HTTP."""

from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
import pytest

from support.plant.incident_event import RULE

MakeClient = Callable[..., httpx.AsyncClient]


async def create(client: httpx.AsyncClient, factory_id: UUID, **words: object) -> httpx.Response:
    return await client.post("/v1/rules", json={"factory_id": str(factory_id), **RULE, **words})


async def test_a_rule_is_read_as_it_was_written_with_where_it_stands(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    answer = await create(client, factory_id, on_delay_seconds=5, deadband=0.5, metric="Volume Flow RateRMS")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (await client.get(f"/v1/rules/{made['id']}")).json() == made
    assert (made["version"], made["kind"], made["incident_type"]) == (1, "threshold", "equipment")
    assert (made["on_delay_seconds"], made["deadband"], made["lateness_seconds"]) == (5.0, 0.5, 60.0)
    assert made["state"] == {
        "condition": "normal",
        "status": "no_data",
        "evaluated_readings": 0,
        "late_readings": 0,
        "bad_readings": 0,
        "last_reading_at": None,
        "active_since": None,
    }


async def test_without_a_factory_a_list_is_over_all_that_the_token_is_for(client_as: MakeClient) -> None:
    factories = [uuid4(), uuid4()]
    engineer = client_as("engineer")
    made = [(await create(engineer, factory)).json()["id"] for factory in (*factories, uuid4(), factories[0])]

    async def listed(who: httpx.AsyncClient, **query: str) -> list[str]:
        first = (await who.get("/v1/rules", params={"limit": "2", **query})).json()
        if first["next_cursor"] is None:
            return [item["id"] for item in first["items"]]
        more = {"limit": "200", "cursor": first["next_cursor"], **query}
        rest = (await who.get("/v1/rules", params=more)).json()
        return [item["id"] for item in first["items"] + rest["items"]]

    viewer = client_as("viewer", factories=factories)
    assert await listed(viewer) == [made[0], made[1], made[3]]
    assert await listed(client_as("viewer", factories=[])) == []
    assert set(made) <= set(await listed(engineer))
    for who in (viewer, engineer):
        assert await listed(who, id_prefix=made[3][:30]) == [made[3]]
    assert await listed(viewer, id_prefix=made[2]) == []


async def test_rules_are_listed_in_the_order_of_creation_page_by_page(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    made = [(await create(client, factory_id)).json()["id"] for _ in range(3)]
    query = {"factory": str(factory_id), "limit": "2"}
    first = (await client.get("/v1/rules", params=query)).json()
    rest = (await client.get("/v1/rules", params={**query, "cursor": first["next_cursor"]})).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == made
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("operator", ">="),
        ("threshold", "10"),
        ("on_delay_seconds", -1),
        ("on_delay_seconds", 86_401),
        ("deadband", -0.1),
        ("lateness_seconds", 3601),
        ("severity", 6),
        ("severity", 2.5),
        ("incident_type", "boredom"),
        ("equipment", ""),
        ("metric", ""),
        ("metric", "m" * 101),
        ("name", ""),
        ("kind", "silence"),
        ("color", "red"),
    ],
)
async def test_a_wrong_field_is_named(
    client: httpx.AsyncClient, factory_id: UUID, field: str, value: object
) -> None:
    answer = await create(client, factory_id, **{field: value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
async def test_a_threshold_that_is_no_number_is_a_422(
    client: httpx.AsyncClient, factory_id: UUID, number: str
) -> None:
    body = f'{{"factory_id": "{factory_id}", "name": "n", "equipment": "e", "metric": "m", "operator": ">", '
    body += f'"severity": 1, "threshold": {number}}}'
    answer = await client.post("/v1/rules", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


async def test_a_deadband_that_nothing_could_come_back_by_is_a_422(
    client: httpx.AsyncClient, factory_id: UUID
) -> None:
    answer = await create(client, factory_id, threshold=-1.7e308, deadband=1.7e308)
    assert answer.json()["errors"][0]["field"] == "deadband"


async def test_a_factory_has_so_many_rules_and_no_more(client: httpx.AsyncClient, factory_id: UUID) -> None:
    answers = [(await create(client, factory_id)).status_code for _ in range(4)]
    assert answers == [201, 201, 201, 409]
    listed = (await client.get("/v1/rules", params={"factory": str(factory_id)})).json()
    assert len(listed["items"]) == 3


async def test_another_factorys_rule_is_a_404(client_as: MakeClient, factory_id: UUID) -> None:
    made = (await create(client_as("engineer"), factory_id)).json()
    stranger = client_as("engineer", factories=[uuid4()])
    answers = [
        await stranger.get(f"/v1/rules/{made['id']}"),
        await stranger.get("/v1/rules", params={"factory": str(factory_id)}),
        await create(stranger, factory_id),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_operators_read_rules_and_engineers_write_them(client_as: MakeClient, factory_id: UUID) -> None:
    operator = client_as("operator")
    assert (await create(operator, factory_id)).status_code == 403
    assert (await operator.get("/v1/rules", params={"factory": str(factory_id)})).status_code == 200
