"""A stack as in production, for benchmarks of whole paths: servers, services, and who may ask them."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import httpx

from embedded import PostgresServer, ValkeyServer, free_port
from plant_client import Plant, Service
from utils.auth import Role, issue_token

SECRET: Final = "a-secret-for-benchmarks-of-at-least-32-bytes"  # noqa: S105 - of servers that live for a minute
READY_SECONDS: Final = 30.0


@contextlib.contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Run PostgreSQL (with `fsync`) and Valkey, and give the environment that leads services to them."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may have to run as another user
        with (
            PostgresServer(folder / "postgres", port=free_port(), password="benchmark") as postgres,  # noqa: S106
            ValkeyServer(folder / "valkey", port=free_port(), password="benchmark") as valkey,  # noqa: S106
        ):
            yield {"DATABASE_URL": postgres.url(), "REDIS_URL": valkey.url(), "AUTH_SECRET": SECRET}


@contextlib.contextmanager
def service(
    package: str, process: str, environment: Mapping[str, str], *, wait: bool = True
) -> Iterator[int]:
    """Run one process of a service and give its port; its logs are written and thrown away.

    The API brings the schema up to date first. Raises TimeoutError when it is not healthy within 30 s, unless
    nobody is to wait for it.
    """
    if process == "api":
        command = [sys.executable, "-m", package, "migrate"]
        subprocess.run(command, check=True, env={**os.environ, **environment}, capture_output=True)
    port = free_port()
    variables = {"HOST": "127.0.0.1", "PORT": str(port), "DRAIN_SECONDS": "0"}
    running = subprocess.Popen(
        [sys.executable, "-m", package, process],
        env={**os.environ, **environment, **variables},
        stdout=subprocess.DEVNULL,
    )
    try:
        if wait:
            _wait(port)
        yield port
    finally:
        running.terminate()
        running.wait()


def plant_at(ports: Mapping[Service, int]) -> Plant:
    """Give the plant whose services listen on these ports, for an administrator."""
    token = issue_token(SECRET, subject="benchmark", role=Role.ADMIN, factories="*")
    return Plant({name: f"http://127.0.0.1:{port}" for name, port in ports.items()}, lambda: token)


def _wait(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing healthy on 127.0.0.1:{port}")
