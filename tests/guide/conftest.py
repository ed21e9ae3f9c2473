"""The guide speaks of every backend service: so do its tests."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from support.servers import RunningProcess, stop_all

SERVICES = ("factory-core", "incident-event", "asset-management")
Launch = Callable[..., RunningProcess]


@pytest.fixture(scope="session", params=SERVICES)
def each_service(request: pytest.FixtureRequest) -> str:
    """Every backend service, one after the other."""
    return str(request.param)


@pytest.fixture(scope="session")
def services(launch: Launch) -> Iterator[Callable[[str], RunningProcess]]:
    """Give the running API of a service, started once."""
    started: dict[str, RunningProcess] = {}

    def give(service: str) -> RunningProcess:
        if service not in started:
            started[service] = launch(service, shared="guide")
        return started[service]

    yield give
    stop_all(started.values())


@pytest.fixture(scope="session")
def asked_once_and_ended(launch: Launch, each_service: str) -> RunningProcess:
    """A service that logs everything, was asked for its health, and has ended; its lines are left."""
    service = launch(each_service, shared="guide", LOG_LEVEL="DEBUG")
    httpx.get(f"{service.base_url}/health")
    service.stop()
    return service
