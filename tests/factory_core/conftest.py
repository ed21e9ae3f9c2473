"""One Factory Core for the tests of a worker, kept apart by factories of their own."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from support.plant.bare_client import client_of
from support.plant.factory_core import MAX_METRICS, MeasuredFactory, build_factory
from support.servers import RunningProcess, Templates, Valkey, environment

SERVICE = "factory-core"


@pytest.fixture
def service() -> str:
    return SERVICE


@pytest.fixture(scope="session")
def shared_service(
    templates: Templates, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningProcess]:
    """Started once per worker."""
    url = templates.copy(SERVICE, "running_factory_core")
    variables = environment(
        SERVICE, url, valkey.url(), FACTORY_CORE_MAX_METRICS_PER_EQUIPMENT=str(MAX_METRICS)
    )
    with RunningProcess("factory_core", "api", variables, cwd=tmp_path_factory.mktemp("api")) as process:
        yield process.wait_ready()


@pytest.fixture
async def client(shared_service: RunningProcess) -> AsyncIterator[httpx.AsyncClient]:
    """An engineer's client of the shared service."""
    async with client_of(shared_service.base_url) as client:
        yield client


@pytest.fixture
async def client_as(shared_service: RunningProcess) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Make a client of the shared service: `client_as("viewer", factories=[id])`."""
    made: list[httpx.AsyncClient] = []

    def make(role: str, factories: Any = "*") -> httpx.AsyncClient:
        made.append(client_of(shared_service.base_url, role, factories))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
async def factory(client: httpx.AsyncClient) -> MeasuredFactory:
    """A new factory with the equipment press-1 and press-2."""
    return await build_factory(client, "press-1", "press-2")
