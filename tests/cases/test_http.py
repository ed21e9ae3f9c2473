"""Refused bodies get their answer, however long they are and whatever becomes of the connection."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.servers import AUTH_SECRET, RunningProcess
from utils.auth import Role, issue_token

SCRIPTS = sorted((Path(__file__).parent / "http").glob("*.py"))
FACTORY = "01900000-0000-7000-8000-000000000000"
ENGINEER, NOBODY = "engineer", ""

REFUSALS = [
    ("factory-core", f"/v1/factories/{FACTORY}/readings", ENGINEER, 413),
    ("factory-core", "/v1/factories", ENGINEER, 413),
    ("factory-core", "/v1/factories", NOBODY, 401),
    ("factory-core", "/v1/factories", "viewer", 413),
    ("factory-core", "/v1/nothing", ENGINEER, 404),
    ("incident-event", "/v1/incidents", "operator", 413),
    ("asset-management", "/v1/assets", NOBODY, 401),
    ("asset-management", "/v1/nothing", ENGINEER, 404),
]


def token(role: str) -> str:
    if role == NOBODY:
        return "none"
    return issue_token(AUTH_SECRET, subject="kim", role=Role(role), factories="*")


@pytest.fixture(scope="module")
def started(launch: Callable[..., RunningProcess]) -> Iterator[Callable[[str], RunningProcess]]:
    """Give a service's API, the same one to all tests of this module."""
    running: dict[str, RunningProcess] = {}

    def start(service: str) -> RunningProcess:
        if service not in running:
            running[service] = launch(service, shared="cases")
        return running[service]

    yield start
    for process in running.values():
        assert process.stop() == 0


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
@pytest.mark.parametrize(("service", "path", "role", "status"), REFUSALS)
def test_a_refused_body_gets_its_status_ten_times_out_of_ten(  # noqa: PLR0917 - one of each
    started: Callable[[str], RunningProcess], script: Path, service: str, path: str, role: str, status: int
) -> None:
    process = started(service)
    for size in (4 * 2**20 + 1, 8_000_000):
        command = [sys.executable, str(script), str(process.port), path, token(role), str(size)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=90)
        assert done.stdout.splitlines() == [f"keep-alive {{{status}: 10}}", f"close {{{status}: 10}}"]
