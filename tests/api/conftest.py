"""The three services, started once per worker."""

from collections.abc import Iterator

import pytest

from support.plant.apis import Started, find_failures
from support.servers import RunningProcess, Templates, Valkey, environment, package


@pytest.fixture(scope="session")
def started(
    templates: Templates, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Started]:
    """Give a service's API on a database of its own. At the end each ends in order, and failed nowhere."""
    running: dict[str, RunningProcess] = {}

    def start(service: str) -> RunningProcess:
        if service not in running:
            url = templates.copy(service, f"api_{package(service)}")
            folder = tmp_path_factory.mktemp(service)
            more = {
                "ASSET_MANAGEMENT_STORE_DIR": str(folder / "store"),
                "INCIDENT_EVENT_FACTORY_CORE_URL": "http://127.0.0.1:1",
                "INCIDENT_EVENT_HEARTBEAT_SECONDS": "0.3",
            }
            variables = environment(service, url, valkey.url(), **more)
            running[service] = RunningProcess(package(service), "api", variables, cwd=folder).wait_ready()
        return running[service]

    yield start
    for process in running.values():
        assert process.stop() == 0
        assert find_failures(process) == []
