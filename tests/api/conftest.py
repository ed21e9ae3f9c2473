"""The three services, started once per worker."""

from collections.abc import Callable, Iterator

import pytest

from support.plant.apis import Started, find_failures
from support.servers import RunningProcess

VARIABLES = {
    "ASSET_MANAGEMENT_STORE_DIR": "store",
    "INCIDENT_EVENT_FACTORY_CORE_URL": "http://127.0.0.1:1",
    "INCIDENT_EVENT_HEARTBEAT_SECONDS": "0.3",
}


@pytest.fixture(scope="session")
def started(launch: Callable[..., RunningProcess]) -> Iterator[Started]:
    """Give a service's API on a database of its own. At the end each ends in order, and failed nowhere."""
    running: dict[str, RunningProcess] = {}

    def start(service: str) -> RunningProcess:
        if service not in running:
            running[service] = launch(service, shared="api", **VARIABLES)
        return running[service]

    yield start
    for process in running.values():
        assert process.stop() == 0
        assert find_failures(process) == []
