from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.plant.factory_core import MeasuredFactory, reading


@pytest.fixture
async def filled(factory: MeasuredFactory) -> MeasuredFactory:
    """The factory with force 0..9 of press-1 in the seconds 0..9, sent out of order."""
    await factory.send([reading(n, n) for n in (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)])
    await factory.send([reading(n, -1, metric="speed") for n in range(10)])
    await factory.send([reading(n, -2, source="press-2") for n in range(10)])
    return factory


async def get(factory: MeasuredFactory, **query: Any) -> Any:
    given = {"source": "press-1", "metric": "force", **query}
    return await factory.client.get(factory.path, params={k: v for k, v in given.items() if v is not None})


async def test_pages_walk_every_reading_once_by_time(filled: MeasuredFactory) -> None:
    pages = [(await get(filled, limit=3)).json()]
    while pages[-1]["next_cursor"] is not None:
        pages.append((await get(filled, limit=3, cursor=pages[-1]["next_cursor"])).json())
    assert [[item["value"] for item in page["items"]] for page in pages] == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
        [9],
    ]


async def test_a_page_that_ends_with_the_last_reading_is_the_last(filled: MeasuredFactory) -> None:
    page = (await get(filled, limit=10)).json()
    assert (len(page["items"]), page["next_cursor"]) == (10, None)


async def test_from_is_inclusive_and_to_is_exclusive_in_any_offset(filled: MeasuredFactory) -> None:
    query = {"from": "2026-01-15T19:30:02+09:00", "to": "2026-01-15T10:30:05Z"}
    page = (await get(filled, **query, limit=2)).json()
    rest = (await get(filled, **query, limit=2, cursor=page["next_cursor"])).json()
    assert [item["value"] for item in page["items"] + rest["items"]] == [2, 3, 4]
    assert rest["next_cursor"] is None


async def test_the_default_page_holds_fifty(factory: MeasuredFactory) -> None:
    await factory.send([reading(n) for n in range(60)])
    page = (await get(factory)).json()
    assert len(page["items"]) == 50
    assert page["next_cursor"] is not None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"source": None}, "source"),
        ({"metric": None}, "metric"),
        ({"metric": ""}, "metric"),
        ({"metric": "m" * 101}, "metric"),
        ({"from": "2026-01-15T10:30:00"}, "from"),
        ({"to": "tomorrow"}, "to"),
        ({"from": "2026-01-15T10:30:00Z", "to": "2026-01-15T10:30:00Z"}, "to"),
        ({"limit": 0}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"bucket": "1m"}, "bucket"),
    ],
)
async def test_a_wrong_parameter_is_named(
    factory: MeasuredFactory, query: dict[str, Any], field: str
) -> None:
    refused = await get(factory, **query)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]


async def test_a_metric_never_sent_is_empty_and_equipment_never_made_is_not_found(
    factory: MeasuredFactory,
) -> None:
    assert (await get(factory, metric="unheard of")).json() == {"items": [], "next_cursor": None}
    for source in ("press-9", "프레스", "-"):
        assert (await get(factory, source=source)).status_code == 404
    assert (await get(MeasuredFactory(factory.client, uuid4()))).status_code == 404


async def test_a_factory_that_is_not_ones_own_is_not_found_however_well_its_metrics_are_known(
    filled: MeasuredFactory, client_as: Callable[..., httpx.AsyncClient]
) -> None:
    own = MeasuredFactory(client_as("viewer", factories=[filled.factory_id]), filled.factory_id)
    assert (await get(own)).status_code == 200
    stranger = MeasuredFactory(client_as("viewer", factories=[uuid4()]), filled.factory_id)
    assert (await get(stranger)).status_code == 404
