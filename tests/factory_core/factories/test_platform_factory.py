"""The factory every installation has: the one that owns the incidents of the platform itself."""

from collections.abc import Callable
from uuid import uuid4

import httpx

from contracts.platform import PLATFORM_FACTORY_ID, PLATFORM_FACTORY_NAME

Clients = Callable[..., httpx.AsyncClient]


async def test_it_is_there_before_any_other_under_the_id_that_all_services_know(
    client: httpx.AsyncClient,
) -> None:
    first = (await client.get("/v1/factories", params={"limit": 1})).json()["items"][0]
    assert (first["id"], first["name"]) == (str(PLATFORM_FACTORY_ID), PLATFORM_FACTORY_NAME)
    assert (await client.get(f"/v1/factories/{PLATFORM_FACTORY_ID}")).json() == first


async def test_it_is_hidden_from_tokens_of_other_factories(client_as: Clients) -> None:
    viewer = client_as("viewer", factories=[uuid4()])
    assert (await viewer.get(f"/v1/factories/{PLATFORM_FACTORY_ID}")).status_code == 404
