"""One Asset Management for the tests of a worker, and one of its own where a test breaks things."""

import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from conftest import AUTH_SECRET, Templates, environment
from servers import RunningProcess, Valkey
from utils.principal import Role
from utils.tokens import issue_token

SERVICE = "asset-management"
MAX_UPLOAD_BYTES = 4 * 1024 * 1024


@dataclass
class Service:
    """A running Asset Management and its store."""

    process: RunningProcess
    store: Path

    @property
    def url(self) -> str:
        return self.process.base_url

    def left_over(self) -> list[Path]:
        """Files half received."""
        return list((self.store / "incoming").iterdir())

    def contents(self) -> list[Path]:
        """Files received whole."""
        return [path for path in (self.store / "sha256").rglob("*") if path.is_file()]


@pytest.fixture(scope="session")
def shared_service(
    templates: Templates, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Started once per worker: tests keep apart by factories of their own."""
    directory = tmp_path_factory.mktemp("asset-management")
    url = templates.copy(SERVICE, "running_asset_management")
    variables = environment(
        SERVICE,
        url,
        valkey.url(),
        ASSET_MANAGEMENT_STORE_DIR=str(directory / "store"),
        ASSET_MANAGEMENT_MAX_UPLOAD_BYTES=str(MAX_UPLOAD_BYTES),
    )
    with RunningProcess("asset_management", "api", variables, cwd=directory) as process:
        yield Service(process.wait_ready(), directory / "store")


@pytest.fixture
def own_service(running: Callable[..., RunningProcess], tmp_path: Path) -> Callable[..., Service]:
    """Start one on a database and a store of the test's own."""

    def start(**env: str) -> Service:
        store = tmp_path / "store"
        process = running(SERVICE, env={"ASSET_MANAGEMENT_STORE_DIR": str(store), **env})
        return Service(process, store)

    return start


@pytest.fixture
def factory() -> UUID:
    return uuid4()


def client_of(service: Service, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=service.url, timeout=20, headers={"Authorization": f"Bearer {token}"})


def token_for(role: str, factories: object = "*", *, subject: str = "tester") -> str:
    return issue_token(AUTH_SECRET, subject=subject, role=Role(role), factories=factories)  # type: ignore[arg-type]


@pytest.fixture
async def client(shared_service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """An engineer's client of the shared service."""
    async with client_of(shared_service, token_for("engineer", subject="kim")) as client:
        yield client


def ended(process: "subprocess.Popen[bytes]") -> bool:
    return process.poll() is not None
