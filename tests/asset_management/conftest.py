"""One Asset Management for the tests of a worker, and one of its own where a test breaks things."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from support.plant.asset_management import MAX_UPLOAD_BYTES, SERVICE, Service
from support.servers import RunningProcess, Templates, Valkey, environment


@pytest.fixture
def service() -> str:
    return SERVICE


@pytest.fixture(scope="session")
def shared(
    templates: Templates, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Started once per worker: tests keep apart by factories of their own."""
    directory = tmp_path_factory.mktemp("asset-management")
    variables = environment(
        SERVICE,
        templates.copy(SERVICE, "running_asset_management"),
        valkey.url(),
        ASSET_MANAGEMENT_STORE_DIR=str(directory / "store"),
        ASSET_MANAGEMENT_MAX_UPLOAD_BYTES=str(MAX_UPLOAD_BYTES),
    )
    with RunningProcess("asset_management", "api", variables, cwd=directory) as process:
        yield Service(process.wait_ready(), directory / "store")


@pytest.fixture
def own(running: Callable[..., RunningProcess], tmp_path: Path) -> Callable[..., Service]:
    """Start one on a database and a store of the test's own."""

    def start(**env: str) -> Service:
        store = tmp_path / "store"
        process = running(SERVICE, env={"ASSET_MANAGEMENT_STORE_DIR": str(store), **env})
        return Service(process, store)

    return start


@pytest.fixture
def factory() -> UUID:
    return uuid4()


@pytest.fixture
async def client(shared: Service) -> AsyncIterator[httpx.AsyncClient]:
    """An engineer's client of the shared service."""
    async with shared.client() as client:
        yield client
