import asyncio
import json
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.plant.factory_core import MAX_METRICS, MeasuredFactory, build_factory, reading

Clients = Callable[..., httpx.AsyncClient]


def answer_of(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_accepted_readings_are_read_back_by_time_with_all_they_had(factory: MeasuredFactory) -> None:
    answer = answer_of(
        await factory.send(
            [reading(2, 7, quality="bad"), reading(1, -0.5), reading(0.000001, 1e308)], "first"
        )
    )
    assert answer == {
        "batch_id": "first",
        "accepted": 3,
        "duplicates": 0,
        "conflicts": {"count": 0, "first": []},
        "rejected": [],
    }
    plain = {"source": "press-1", "metric": "force"}
    assert await factory.read() == [
        {**plain, "at": "2026-01-15T10:30:00.000001Z", "value": 1e308, "quality": "good"},
        {**plain, "at": "2026-01-15T10:30:01Z", "value": -0.5, "quality": "good"},
        {**plain, "at": "2026-01-15T10:30:02Z", "value": 7.0, "quality": "bad"},
    ]


async def test_the_first_value_of_a_moment_stands_and_others_are_conflicts(factory: MeasuredFactory) -> None:
    await factory.send([reading(1, 1), reading(2, 3)])
    answer = answer_of(await factory.send([reading(2, 4), reading(3, 5), reading(1, 1)]))
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert answer["conflicts"] == {
        "count": 1,
        "first": [
            {
                "index": 0,
                "source": "press-1",
                "metric": "force",
                "at": "2026-01-15T10:30:02Z",
                "kept_value": 3.0,
                "kept_quality": "good",
                "sent_value": 4.0,
                "sent_quality": "good",
            }
        ],
    }
    assert [item["value"] for item in await factory.read()] == [1, 3, 5]


async def test_a_conflict_inside_a_batch_is_one_with_the_first_of_its_readings(
    factory: MeasuredFactory,
) -> None:
    answer = answer_of(
        await factory.send([17, reading(1, 1), reading(1, 2), reading(1, 1), reading(1, 1, quality="bad")])
    )
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert answer["conflicts"]["count"] == 2
    found = [
        (one["index"], one["kept_value"], one["kept_quality"], one["sent_value"], one["sent_quality"])
        for one in answer["conflicts"]["first"]
    ]
    assert found == [(2, 1.0, "good", 2.0, "good"), (4, 1.0, "good", 1.0, "bad")]
    assert [item["value"] for item in await factory.read()] == [1]


async def test_zero_has_no_sign_that_conflicts(factory: MeasuredFactory) -> None:
    answer = answer_of(await factory.send([reading(1, 0.0), reading(1, -0.0)]))
    assert (answer["duplicates"], answer["conflicts"]["count"]) == (1, 0)


@pytest.mark.parametrize("size", [150, 600])
async def test_all_conflicts_are_counted_and_the_first_hundred_listed(
    factory: MeasuredFactory, size: int
) -> None:
    await factory.send([reading(number, 1) for number in range(size)])
    answer = answer_of(
        await factory.send([reading(number, number % 3) for number in reversed(range(size))], "again")
    )
    assert (answer["accepted"], answer["duplicates"]) == (0, size // 3)
    assert answer["conflicts"]["count"] == size - size // 3
    indices = [one["index"] for one in answer["conflicts"]["first"]]
    assert indices == [number for number in range(size) if (size - 1 - number) % 3 != 1][:100]


async def test_a_batch_with_conflicts_repeated_gets_the_same_answer(factory: MeasuredFactory) -> None:
    await factory.send([reading(1, 1)])
    body = {"batch_id": "again", "readings": [reading(1, 2), reading(2, 3)]}
    first = await factory.send_body(body)
    assert answer_of(first)["conflicts"]["count"] == 1
    assert (await factory.send_body(body)).content == first.content


@pytest.mark.parametrize("size", [3, 600])
async def test_racing_batches_agree_on_what_is_kept(factory: MeasuredFactory, size: int) -> None:
    batches = [[reading(n, sender) for n in range(size)] for sender in range(8)]
    answers = [answer_of(one) for one in await asyncio.gather(*(factory.send(batch) for batch in batches))]
    kept = {item["at"]: item["value"] for item in await factory.read()}
    assert sum(answer["accepted"] for answer in answers) == size
    for sender, answer in enumerate(answers):
        assert answer["duplicates"] == 0
        assert answer["conflicts"]["count"] == size - answer["accepted"]
        for one in answer["conflicts"]["first"]:
            assert (one["kept_value"], one["sent_value"]) == (kept[one["at"]], sender)
            assert kept[one["at"]] != sender


async def test_one_moment_written_with_two_offsets_is_one_reading(factory: MeasuredFactory) -> None:
    korean = {**reading(), "at": "2026-01-15T19:30:00+09:00"}
    answer = answer_of(await factory.send([korean, reading()]))
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert [item["at"] for item in await factory.read()] == ["2026-01-15T10:30:00Z"]


async def test_the_same_batch_again_gets_the_same_answer_and_keeps_nothing_twice(
    factory: MeasuredFactory,
) -> None:
    body = {"batch_id": "again", "readings": [reading(1), reading(1), 17, reading(2, float("nan"))]}
    first = await factory.send_body(body)
    second = await factory.send_body(body)
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert (first.json()["accepted"], first.json()["duplicates"]) == (1, 1)
    assert len(await factory.read()) == 1


async def test_the_same_batch_id_with_another_body_is_a_conflict_that_keeps_nothing(
    factory: MeasuredFactory,
) -> None:
    await factory.send([reading(1)], "taken")
    for readings in ([reading(2)], [17]):
        refused = await factory.send(readings, "taken")
        assert refused.status_code == 409
        assert "taken" in refused.json()["detail"]
    assert len(await factory.read()) == 1


async def test_another_factory_may_use_the_same_batch_id(
    factory: MeasuredFactory, client: httpx.AsyncClient
) -> None:
    other = await build_factory(client)
    for each in (factory, other):
        assert answer_of(await each.send([reading()], "shared"))["accepted"] == 1


@pytest.mark.parametrize("size", [1, 600])
async def test_racing_the_same_batch_keeps_it_once_and_answers_all_alike(
    factory: MeasuredFactory, size: int
) -> None:
    body = {"batch_id": "race", "readings": [reading(number) for number in range(size)]}
    answers = await asyncio.gather(*(factory.send_body(body) for _ in range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].json()["accepted"] == size
    assert len(await factory.read()) == size


async def test_racing_different_bodies_under_one_id_keeps_exactly_one(factory: MeasuredFactory) -> None:
    answers = await asyncio.gather(*(factory.send([reading(number)], "race") for number in range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 15
    assert len(await factory.read()) == 1


@pytest.mark.parametrize("size", [3, 600])
async def test_racing_overlapping_readings_accepts_each_exactly_once(
    factory: MeasuredFactory, size: int
) -> None:
    batches = [[reading(n, worker) for n in range(size)] for worker in range(12)]
    for number, batch in enumerate(batches):
        if number % 2:
            batch.reverse()
    answers = [answer_of(one) for one in await asyncio.gather(*(factory.send(batch) for batch in batches))]
    assert sum(answer["accepted"] for answer in answers) == size
    assert all(answer["accepted"] + answer["conflicts"]["count"] == size for answer in answers)
    assert len(await factory.read()) == size


async def test_bad_items_come_back_by_index_while_the_good_are_kept(factory: MeasuredFactory) -> None:
    ahead = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
    items = [
        reading(0),
        reading(1, source="press-9"),
        reading(2, float("inf")),
        17,
        reading(3, at=ahead),
        reading(4, metric="a\x00b"),
        reading(5, source="a\x00b"),
        reading(6, metric="\ud800"),
        reading(7),
    ]
    answer = answer_of(await factory.send(items))
    assert answer["accepted"] == 2
    assert [(one["index"], one["field"], one["code"]) for one in answer["rejected"]] == [
        (1, "source", "unknown_source"),
        (2, "value", "not_finite"),
        (3, None, "not_an_object"),
        (4, "at", "time_in_future"),
        (5, "metric", "invalid_text"),
        (6, "source", "unknown_source"),
        (7, "metric", "invalid_text"),
    ]
    assert len(await factory.read()) == 2


async def test_what_was_refused_for_a_passing_reason_is_kept_when_the_batch_comes_again(
    factory: MeasuredFactory,
) -> None:
    later = [reading(n, n, source="later") for n in (1, 2, 2)]
    body = {"batch_id": "early", "readings": [*later, reading(1, 7), 17, reading(2, float("nan"))]}
    first = answer_of(await factory.send_body(body))
    assert (first["accepted"], len(first["rejected"])) == (1, 5)
    assert answer_of(await factory.send_body(body)) == first

    await factory.client.post(f"/v1/factories/{factory.factory_id}/equipment", json={"tag": "later"})
    second = await factory.send_body(body)
    assert (answer_of(second)["accepted"], answer_of(second)["duplicates"]) == (3, 1)
    assert [(one["index"], one["code"]) for one in answer_of(second)["rejected"]] == [
        (4, "not_an_object"),
        (5, "not_finite"),
    ]
    assert (await factory.send_body(body)).content == second.content
    assert [item["value"] for item in await factory.read(source="later")] == [1, 2]
    assert [item["value"] for item in await factory.read()] == [7]


async def test_a_batch_without_a_usable_reading_is_remembered(factory: MeasuredFactory) -> None:
    assert answer_of(await factory.send([17], "empty"))["rejected"][0]["code"] == "not_an_object"
    assert (await factory.send([reading()], "empty")).status_code == 409


async def test_old_readings_are_kept(factory: MeasuredFactory) -> None:
    assert answer_of(await factory.send([reading(at="0001-01-02T00:00:00Z")]))["accepted"] == 1
    assert [item["at"] for item in await factory.read()] == ["0001-01-02T00:00:00Z"]


@pytest.mark.parametrize("size", [40, 1000])
async def test_a_batch_of_any_size_keeps_every_moment_and_value_exactly(
    factory: MeasuredFactory, size: int
) -> None:
    random = Random(size)  # noqa: S311 - the same data in every run
    first, last = datetime(1, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    edges = [first, datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC), datetime(2000, 1, 1, tzinfo=UTC)]
    span = (last - first) // timedelta(microseconds=1)
    times = [*edges, *(first + timedelta(microseconds=random.randrange(span)) for _ in range(size - 3))]
    values = [5e-324, -1.7976931348623157e308, -0.0, *(random.gauss(0, 1e6) for _ in range(size - 3))]
    qualities = [random.choice(["good", "uncertain", "bad"]) for _ in times]
    items = [
        reading(at=at.isoformat(), value=value, quality=quality)
        for at, value, quality in zip(times, values, qualities, strict=True)
    ]
    assert answer_of(await factory.send(items))["accepted"] == size
    kept = [(datetime.fromisoformat(one["at"]), one["value"], one["quality"]) for one in await factory.read()]
    assert kept == sorted(zip(times, values, qualities, strict=True))


async def test_metric_names_keep_their_case_and_inner_spaces(factory: MeasuredFactory) -> None:
    names = ["Volume Flow RateRMS", "온도 °C", "force", "Force", "x" * 100]
    assert answer_of(await factory.send([reading(metric=name) for name in names]))["accepted"] == 5
    for name in names:
        assert [item["metric"] for item in await factory.read(metric=name)] == [name]


@pytest.mark.parametrize("flawed", [[], [17]])
async def test_a_metric_is_the_same_in_every_form_of_its_name(
    factory: MeasuredFactory, flawed: list[Any]
) -> None:
    composed = "온도 é" * 20
    decomposed = unicodedata.normalize("NFD", composed)
    written = [composed, decomposed, f"{composed} ", f"\u00a0{decomposed}"]
    items = [reading(n, n, metric=name, source=f" press-1{' ' * n}") for n, name in enumerate(written)]
    for item in items:
        answer = answer_of(await factory.send([item, *flawed]))
        assert (answer["accepted"], len(answer["rejected"])) == (1, len(flawed))
    for name in written:
        read = await factory.read(metric=name)
        assert [item["value"] for item in read] == [0, 1, 2, 3]
        assert {item["metric"] for item in read} == {composed}


@pytest.mark.parametrize("name", [" ", "\u3000", " " * 401, "é" * 101, "\u0958" * 51])
async def test_a_name_is_measured_in_its_one_form(factory: MeasuredFactory, name: str) -> None:
    answer = answer_of(await factory.send([reading(metric=name)]))
    assert [(one["field"], one["code"]) for one in answer["rejected"]] == [("metric", "invalid_text")]


async def test_one_metric_too_many_is_refused_alone(factory: MeasuredFactory) -> None:
    answer = answer_of(await factory.send([reading(metric=f"m{n}") for n in range(MAX_METRICS + 2)]))
    assert answer["accepted"] == MAX_METRICS
    assert {one["code"] for one in answer["rejected"]} == {"too_many_metrics"}
    assert [one["index"] for one in answer["rejected"]] == [MAX_METRICS, MAX_METRICS + 1]
    elsewhere = [reading(source="press-2", metric="m9"), reading(metric="m0", second=1)]
    assert answer_of(await factory.send(elsewhere))["accepted"] == 2


async def test_the_bound_on_metrics_holds_when_many_add_them_at_once(factory: MeasuredFactory) -> None:
    sends = [factory.send([reading(metric=f"m{worker}-{n}") for n in range(2)]) for worker in range(10)]
    answers = [answer_of(one) for one in await asyncio.gather(*sends)]
    assert sum(answer["accepted"] for answer in answers) == MAX_METRICS


async def test_many_factories_and_sizes_at_once_lose_and_mix_nothing(client: httpx.AsyncClient) -> None:
    factories = [await build_factory(client) for _ in range(4)]
    sends = [
        factory.send([reading(60 * batch + n, number) for n in range(1 + batch * 7)])
        for batch in range(8)
        for number, factory in enumerate(factories)
    ]
    answers = [answer_of(one) for one in await asyncio.gather(*sends)]
    assert all(answer["duplicates"] == 0 for answer in answers)
    for number, factory in enumerate(factories):
        items = await factory.read()
        assert len(items) == sum(1 + batch * 7 for batch in range(8))
        assert {item["value"] for item in items} == {float(number)}


async def test_an_envelope_that_is_wrong_is_refused_by_field(factory: MeasuredFactory) -> None:
    for body, field in (
        ({"batch_id": "b", "readings": []}, "readings"),
        ({"batch_id": "b", "readings": [reading()] * 10_001}, "readings"),
        ({"batch_id": "b c", "readings": [reading()]}, "batch_id"),
        (b"{", "body"),
        (b"", "body"),
    ):
        refused = await factory.send_body(body)
        assert refused.status_code == 422
        assert refused.headers["content-type"] == "application/problem+json"
        assert [error["field"] for error in refused.json()["errors"]] == [field]


async def test_the_largest_batch_goes_in_at_once(factory: MeasuredFactory) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    items = [reading(at=(start + timedelta(seconds=n)).isoformat()) for n in range(10_000)]
    assert answer_of(await factory.send(items))["accepted"] == 10_000
    assert len(await factory.read()) == 10_000


async def test_a_body_beyond_the_bound_is_413(factory: MeasuredFactory) -> None:
    body = json.dumps({"batch_id": "b", "readings": [reading()], "pad": "x" * 4 * 1024 * 1024}).encode()
    refused = await factory.send_body(body)
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"


async def test_readings_for_no_factory_are_not_found(factory: MeasuredFactory, client_as: Clients) -> None:
    missing = MeasuredFactory(factory.client, uuid4())
    hidden = MeasuredFactory(client_as("device", factories=[uuid4()]), factory.factory_id)
    for body in ([reading()], [17]):
        assert (await missing.send(body)).status_code == 404
        assert (await hidden.send(body)).status_code == 404
    assert (await hidden.client.get(hidden.path)).status_code == 403


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("viewer", 403),
        ("operator", 403),
        ("alertmanager", 403),
        ("device", 200),
        ("engineer", 200),
        ("admin", 200),
    ],
)
async def test_only_devices_engineers_and_admins_send(
    factory: MeasuredFactory, client_as: Clients, role: str, status: int
) -> None:
    sender = MeasuredFactory(client_as(role, factories=[factory.factory_id]), factory.factory_id)
    assert (await sender.send([reading()])).status_code == status


async def test_without_a_token_nothing_is_read_or_written(factory: MeasuredFactory) -> None:
    async with httpx.AsyncClient(base_url=factory.client.base_url, trust_env=False) as stranger:
        nobody = MeasuredFactory(stranger, factory.factory_id)
        assert (await nobody.send([reading()])).status_code == 401
        assert (await stranger.get(factory.path)).status_code == 401


async def test_an_unknown_query_parameter_of_the_ingest_is_refused(factory: MeasuredFactory) -> None:
    body = {"batch_id": "b", "readings": [reading()]}
    refused = await factory.client.post(factory.path, json=body, params={"dry_run": "1"})
    assert refused.status_code == 422
    assert await factory.read() == []


async def test_what_became_of_readings_is_counted_without_naming_factories(factory: MeasuredFactory) -> None:
    before = await counters(factory)
    await factory.send([reading(1), reading(1), reading(1, 2), reading(2, float("nan")), 17])
    after = await counters(factory)
    grown = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    assert grown["vfactory_readings_accepted_total"] == 1
    assert grown["vfactory_readings_duplicates_total"] == 1
    assert grown["vfactory_readings_conflicts_total"] == 1
    assert grown['vfactory_readings_rejected_total{reason="not_finite"}'] == 1
    assert grown['vfactory_readings_rejected_total{reason="not_an_object"}'] == 1
    assert grown['vfactory_ingest_batches_total{outcome="new"}'] == 1
    assert grown["vfactory_ingest_batch_seconds_count"] == 1
    assert not any(str(factory.factory_id) in name for name in after)


async def counters(factory: MeasuredFactory) -> dict[str, float]:
    text = (await factory.client.get("/metrics")).text
    pairs = (line.rpartition(" ") for line in text.splitlines() if line.startswith("vfactory_"))
    return {name: float(value) for name, _, value in pairs}
