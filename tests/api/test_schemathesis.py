"""Every operation of the committed documents under schemathesis, over real HTTP; exceptions in the TOML."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from support.plant.apis import OPENAPI, SERVICES, Started, admin_token, find_failures, operations, token_of
from utils.auth import Role

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
BUDGET_SECONDS = 240  # on a busy machine; alone a service takes about 15


@pytest.mark.timeout(BUDGET_SECONDS + 60)
@pytest.mark.parametrize("service", SERVICES)
def test_nothing_a_client_sends_breaks_the_documented_contract(
    started: Started, service: str, tmp_path: Path
) -> None:
    process = started(service)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run"]
    options = ["--url", process.base_url, "--continue-on-failure", "--no-color", "--request-timeout", "10"]
    done = subprocess.run(
        [*command, str(OPENAPI / f"{service}.json"), *options],
        cwd=tmp_path,  # where it leaves what it remembers
        env={
            **os.environ,
            "VFACTORY_TOKEN": admin_token(),
            "VFACTORY_ALERTMANAGER_TOKEN": token_of(Role.ALERTMANAGER),
        },
        capture_output=True,
        text=True,
        timeout=BUDGET_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    assert httpx.get(process.base_url + "/health").json()["status"] == "healthy"
    assert find_failures(process) == []


def test_every_exception_is_of_an_operation_that_exists() -> None:
    exceptions = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["operations"]
    named = {
        name
        for exception in exceptions
        for name in (
            [exception["include-name"]]
            if isinstance(exception["include-name"], str)
            else exception["include-name"]
        )
    }
    there = {f"{method} {path}" for service in SERVICES for method, path, _ in operations(service)}
    assert named <= there
