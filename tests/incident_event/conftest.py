"""One Incident Event, API and worker, for all tests of a test worker, kept apart by their factories."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from support.plant.bare_client import client_of
from support.servers import RunningProcess, Templates, Valkey, environment

SERVICE = "incident-event"
DATABASE = "running_incident_event"


@pytest.fixture
def service() -> str:
    return SERVICE


@pytest.fixture(scope="session")
def shared_environment(templates: Templates, valkey: Valkey) -> dict[str, str]:
    """Heartbeats are quick here, and there is no Factory Core to ask."""
    return environment(
        SERVICE,
        templates.copy(SERVICE, DATABASE),
        valkey.url(),
        INCIDENT_EVENT_HEARTBEAT_SECONDS="0.3",
        INCIDENT_EVENT_FACTORY_CORE_URL="http://127.0.0.1:1",
        INCIDENT_EVENT_MAX_RULES_PER_FACTORY="3",
    )


@pytest.fixture(scope="session")
def shared_worker(
    shared_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningProcess]:
    """Its relay numbers and publishes the events."""
    directory = tmp_path_factory.mktemp("worker")
    with RunningProcess("incident_event", "worker", shared_environment, cwd=directory) as process:
        yield process.wait_ready()


@pytest.fixture(scope="session")
def shared_service(
    shared_environment: dict[str, str],
    shared_worker: RunningProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningProcess]:
    """The API."""
    assert shared_worker.process.poll() is None
    directory = tmp_path_factory.mktemp("api")
    with RunningProcess("incident_event", "api", shared_environment, cwd=directory) as process:
        yield process.wait_ready()


@pytest.fixture
async def client_as(shared_service: RunningProcess) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Make a client of the shared service: `client_as("viewer", factories=[id])`."""
    made: list[httpx.AsyncClient] = []

    def make(role: str, factories: Any = "*", subject: str = "kim") -> httpx.AsyncClient:
        made.append(client_of(shared_service.base_url, role, factories, subject))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def client(client_as: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    """An engineer's client of the shared service."""
    return client_as("engineer")


@pytest.fixture
def factory_id() -> UUID:
    """A factory nobody else uses; Incident Event asks nobody whether it exists."""
    return uuid4()
