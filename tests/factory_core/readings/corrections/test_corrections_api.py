import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from support.plant.factory_core import MeasuredFactory, reading
from support.servers import Postgres
from utils.database import Transaction

Clients = Callable[..., httpx.AsyncClient]


def correction(second: float = 1, value: Any = 9.0, **more: Any) -> dict[str, Any]:
    return {**reading(second, value), "reason": "the sensor was wired wrongly", **more}


async def correct(factory: MeasuredFactory, *corrections: dict[str, Any]) -> dict[str, Any]:
    answer = await factory.client.post(f"{factory.path}/corrections", json={"corrections": corrections})
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def recorded(factory: MeasuredFactory, **query: Any) -> list[dict[str, Any]]:
    answer = await factory.client.get(f"{factory.path}/corrections", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_correction_changes_the_reading_and_keeps_what_it_was(factory: MeasuredFactory) -> None:
    await factory.send([reading(1, 5, quality="uncertain"), reading(2, 6)])
    answer = await correct(factory, correction(1, 9, quality="good"))
    assert (answer["corrected"], answer["unchanged"], answer["rejected"]) == (1, 0, 0)
    [result] = answer["results"]
    assert (result["index"], result["outcome"]) == (0, "corrected")
    assert (result["old_value"], result["old_quality"]) == (5, "uncertain")
    assert [(item["value"], item["quality"]) for item in await factory.read()] == [(9, "good"), (6, "good")]
    [record] = await recorded(factory)
    assert record.pop("corrected_at").endswith("Z")
    assert record == {
        "id": result["correction_id"],
        "source": "press-1",
        "metric": "force",
        "at": "2026-01-15T10:30:01Z",
        "old_value": 5,
        "old_quality": "uncertain",
        "value": 9,
        "quality": "good",
        "reason": "the sensor was wired wrongly",
        "corrected_by": "kim",
    }


async def test_the_same_request_again_changes_nothing(factory: MeasuredFactory) -> None:
    await factory.send([reading(1, 5)])
    await correct(factory, correction(1, 9))
    answer = await correct(factory, correction(1, 9))
    assert (answer["corrected"], answer["unchanged"]) == (0, 1)
    assert answer["results"][0]["correction_id"] is None
    assert len(await recorded(factory)) == 1


async def test_what_cannot_be_corrected_comes_back_by_index_while_the_rest_is(
    factory: MeasuredFactory,
) -> None:
    await factory.send([reading(1, 5), reading(2, 6)])
    answer = await correct(
        factory,
        correction(1, source="press-9"),
        correction(1, metric="never sent"),
        correction(3),
        correction(2, 7),
        correction(2, 8),
        correction(2.5, source="press-2"),
    )
    found = [(one["outcome"], one["field"], one["code"]) for one in answer["results"]]
    assert found == [
        ("rejected", "source", "unknown_source"),
        ("rejected", "at", "unknown_reading"),
        ("rejected", "at", "unknown_reading"),
        ("corrected", None, None),
        ("rejected", "value", "corrected_twice"),
        ("rejected", "at", "unknown_reading"),
    ]
    assert (answer["corrected"], answer["unchanged"], answer["rejected"]) == (1, 0, 5)
    assert [item["value"] for item in await factory.read()] == [5, 7]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": None}, "reason"),
        ({"value": "9"}, "value"),
        ({"value": True}, "value"),
        ({"at": "2026-01-15T10:30:00"}, "at"),
        ({"at": "yesterday"}, "at"),
        ({"quality": "excellent"}, "quality"),
        ({"metric": "\u3000"}, "metric"),
        ({"unit": "kN"}, "unit"),
    ],
)
async def test_a_malformed_item_is_named_and_nothing_is_corrected(
    factory: MeasuredFactory, item: dict[str, Any], field: str
) -> None:
    await factory.send([reading(1, 5)])
    body = {"corrections": [correction(1), correction(1) | item]}
    refused = await factory.client.post(f"{factory.path}/corrections", json=body)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [f"corrections[1].{field}"]
    assert [item["value"] for item in await factory.read()] == [5]


@pytest.mark.parametrize("count", [0, 201])
async def test_a_request_has_1_to_200_items(factory: MeasuredFactory, count: int) -> None:
    body = {"corrections": [correction(number) for number in range(count)]}
    refused = await factory.client.post(f"{factory.path}/corrections", json=body)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["corrections"]


async def test_the_largest_request_is_done_as_a_whole(factory: MeasuredFactory) -> None:
    await factory.send([reading(number, 1) for number in range(200)])
    answer = await correct(factory, *(correction(number, 2) for number in reversed(range(200))))
    assert answer["corrected"] == 200
    assert {item["value"] for item in await factory.read()} == {2}


async def test_a_name_is_corrected_in_every_form(factory: MeasuredFactory) -> None:
    await factory.send([reading(1, 5, metric="caf\u00e9")])
    answer = await correct(factory, correction(1, 9, metric=" cafe\u0301", source="press-1 "))
    assert answer["corrected"] == 1
    assert [one["metric"] for one in await recorded(factory, metric="cafe\u0301")] == ["caf\u00e9"]


async def test_what_was_corrected_stands_against_what_is_sent_again(factory: MeasuredFactory) -> None:
    body = {"batch_id": "first", "readings": [reading(1, 5)]}
    first = await factory.send_body(body)
    await correct(factory, correction(1, 9))
    assert (await factory.send_body(body)).content == first.content
    again = (await factory.send([reading(1, 5), reading(1, 9)])).json()
    assert (again["duplicates"], again["conflicts"]["count"]) == (1, 1)
    assert [(one["kept_value"], one["sent_value"]) for one in again["conflicts"]["first"]] == [(9, 5)]


async def test_racing_corrections_of_one_reading_leave_an_unbroken_record(factory: MeasuredFactory) -> None:
    await factory.send([reading(1, 0), reading(2, 0)])
    both = [[correction(1, n), correction(2, n)] for n in range(1, 11)]
    await asyncio.gather(*(correct(factory, *(one[::-1] if n % 2 else one)) for n, one in enumerate(both)))
    for second, item in enumerate(await factory.read(), start=1):
        history = [one for one in await recorded(factory) if one["at"].endswith(f"0{second}Z")]
        assert len(history) == 10
        steps = {one["old_value"]: one["value"] for one in history}
        value = 0.0
        for _ in history:
            value = steps[value]
        assert item["value"] == value


async def test_the_record_is_read_page_by_page_and_by_series(factory: MeasuredFactory) -> None:
    await factory.send([reading(n, 0, metric=metric) for n in range(4) for metric in ("force", "speed")])
    for n in range(4):
        await correct(factory, correction(n, n + 1), correction(n, n + 1, metric="speed"))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await factory.client.get(f"{factory.path}/corrections", params={"limit": 3, **cursor})).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [item["id"] for item in await recorded(factory)]
    assert len(set(seen)) == 8
    assert {one["metric"] for one in await recorded(factory, source="press-1", metric="speed")} == {"speed"}
    assert await recorded(factory, source="press-2") == []


@pytest.mark.parametrize(
    ("role", "may_correct", "may_read"),
    [
        ("viewer", 403, 200),
        ("operator", 403, 200),
        ("device", 403, 403),
        ("engineer", 200, 200),
        ("admin", 200, 200),
    ],
)
async def test_engineers_correct_and_everybody_who_looks_sees_it(
    factory: MeasuredFactory, client_as: Clients, role: str, may_correct: int, may_read: int
) -> None:
    await factory.send([reading(1, 5)])
    client = client_as(role, factories=[factory.factory_id])
    path = f"{factory.path}/corrections"
    assert (await client.post(path, json={"corrections": [correction()]})).status_code == may_correct
    assert (await client.get(path)).status_code == may_read


async def test_another_factory_is_not_found(factory: MeasuredFactory, client_as: Clients) -> None:
    hidden = client_as("engineer", factories=[uuid4()])
    missing = f"/v1/factories/{uuid4()}/readings/corrections"
    for client, path in ((hidden, f"{factory.path}/corrections"), (factory.client, missing)):
        assert (await client.post(path, json={"corrections": [correction()]})).status_code == 404
        assert (await client.get(path)).status_code == 404


async def test_a_correction_is_counted_and_told_as_an_event(
    factory: MeasuredFactory, postgres: Postgres
) -> None:
    await factory.send([reading(1, 5)])
    before = await corrected_total(factory)
    answer = await correct(factory, correction(1, 9), correction(7))
    assert await corrected_total(factory) == before + 1
    [event] = await events_of(postgres, factory.factory_id, "reading.corrected.v1")
    [record] = await recorded(factory)
    assert event.pop("correction_id") == answer["results"][0]["correction_id"] == record.pop("id")
    assert event.pop("factory_id") == str(factory.factory_id)
    assert UUID(event.pop("equipment_id"))
    assert event == record


async def events_of(postgres: Postgres, factory_id: UUID, type_: str) -> list[dict[str, Any]]:
    url = postgres.url("running_factory_core")
    connection = await asyncpg.connect(url, server_settings={"search_path": "factory_core"})
    query = "SELECT payload FROM outbox WHERE factory_id = $1 AND type = $2 ORDER BY id"
    payloads = [json.loads(row[0]) for row in await connection.fetch(query, factory_id, type_)]
    await connection.close()
    return payloads


async def corrected_total(factory: MeasuredFactory) -> float:
    text = (await factory.client.get("/metrics")).text
    [line] = [one for one in text.splitlines() if one.startswith("vfactory_readings_corrected_total ")]
    return float(line.rpartition(" ")[2])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reading_corrections SET reason = 'it never happened'",
        "DELETE FROM reading_corrections",
        "TRUNCATE reading_corrections",
    ],
)
async def test_the_database_itself_refuses_to_edit_the_record(
    transaction: Transaction, statement: str
) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="history is not edited"):
        await (await transaction.connection()).execute(statement)
