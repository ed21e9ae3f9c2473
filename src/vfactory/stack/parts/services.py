"""The services' processes, and the environment variables of each, without any others."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded import Program, launch
from vfactory.stack.configuration import Configuration
from vfactory.stack.state import Issuers

# Locally a service need not drain: clients of a stream reconnect when it is cut.
DRAIN_SECONDS: Final = 0
SHUTDOWN_SECONDS: Final = 5

SHARED_VARIABLES: Final = ("OTEL_", "CORS_ORIGINS")
"""How variables begin that every service gets: OpenTelemetry's standard ones, and the allowed origins."""


@dataclass(frozen=True)
class Service:
    """A deployable service: its name, whether it has a worker, and whether it needs Redis."""

    name: str
    has_worker: bool
    needs_redis: bool

    @property
    def package(self) -> str:
        """The import package, which `python -m` runs."""
        return self.name.replace("-", "_")

    @property
    def prefix(self) -> str:
        """The prefix of the service's own variables."""
        return f"{self.package.upper()}_"

    def processes(self) -> dict[str, str]:
        """Return the command of each lasting process, by the process's name."""
        return {self.name: "api", **({f"{self.name}-worker": "worker"} if self.has_worker else {})}


SERVICES: Final = (
    Service("factory-core", has_worker=True, needs_redis=True),
    Service("incident-event", has_worker=True, needs_redis=True),
    Service("asset-management", has_worker=False, needs_redis=False),
)


@dataclass(frozen=True)
class Surroundings:
    """The addresses that the services use, and whose tokens they accept.

    Args:
        database_urls: the address by which each part connects to the database under its role, by name.
        redis_url: the address of Redis.
        issuers: of tokens.
        stream_key: the file of the key that seals what the services write into Redis.
    """

    database_urls: Mapping[str, str]
    redis_url: str
    issuers: Issuers
    stream_key: Path


def service_url(configuration: Configuration, name: str) -> str:
    """Return the URL by which this machine reaches the process called `name`."""
    host = configuration.reachable_host
    return f"http://{f'[{host}]' if ':' in host else host}:{configuration.ports[name]}"


def own_variables(service: Service, configuration: Configuration, around: Surroundings) -> dict[str, str]:
    """Return the service's own variables: addresses and folders, and those passed to `up`."""
    known = {
        "incident-event": {
            "INCIDENT_EVENT_FACTORY_CORE_URL": service_url(configuration, "factory-core"),
            "INCIDENT_EVENT_SERVICE_KEY_FILE": str(around.issuers.worker_key),
            **_alertmanager(configuration),
        },
        "asset-management": {"ASSET_MANAGEMENT_STORE_DIR": str(configuration.store)},
    }
    prefixes = (service.prefix, *SHARED_VARIABLES)
    given = {key: text for key, text in configuration.passed_on.items() if key.startswith(prefixes)}
    return {**known.get(service.name, {}), **given}


def _alertmanager(configuration: Configuration) -> dict[str, str]:
    if not configuration.monitoring:
        return {}
    return {"INCIDENT_EVENT_ALERTMANAGER_URLS": f"http://{configuration.address('alertmanager')}"}


def service_environment(
    service: Service, name: str, configuration: Configuration, around: Surroundings
) -> Mapping[str, str]:
    """Return all variables of the process called `name`."""
    variables = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(configuration.home),  # so that no user's settings for database clients apply
        "SERVICE_NAME": service.name,
        "LOG_LEVEL": configuration.log_level,
        "DATABASE_URL": around.database_urls[service.name],
        "AUTH_ISSUERS": around.issuers.trusted(worker=service.name == "factory-core"),
        "DRAIN_SECONDS": str(DRAIN_SECONDS),
        "SHUTDOWN_SECONDS": str(SHUTDOWN_SECONDS),
        **own_variables(service, configuration, around),
    }
    if around.issuers.shared_secret is not None:
        variables["AUTH_SECRET_FILE"] = str(around.issuers.shared_secret)
    if service.needs_redis:
        variables["REDIS_URL"] = around.redis_url
        variables["STREAM_KEY_FILE"] = str(around.stream_key)
    if name in configuration.ports:
        variables.update(HOST=configuration.host, PORT=str(configuration.ports[name]))
    return variables


def start_service(
    service: Service, command: str, variables: Mapping[str, str], output: int, errors: int
) -> subprocess.Popen[bytes]:
    """Start one process of `service`."""
    program = Program(
        # isolated: without PYTHONPATH, the user's packages, and modules in the current folder
        command=[sys.executable, "-I", "-m", service.package, command],
        directory=Path(variables["HOME"]),
        environment=variables,
        death_signal=signal.SIGTERM,
    )
    return launch(program, output=output, errors=errors)
