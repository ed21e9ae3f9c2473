"""The jobs of servers, migrations and services: how each is started and stopped, and when it is ready."""

import subprocess
from collections.abc import Sequence
from functools import partial
from typing import Final

from embedded import Server
from vfactory.stack.configuration import Configuration
from vfactory.stack.health_checks import ask_health
from vfactory.stack.keeping import Job
from vfactory.stack.logs import log_file
from vfactory.stack.parts.services import (
    SERVICES,
    SHUTDOWN_SECONDS,
    Service,
    Surroundings,
    service_environment,
    service_url,
    start_service,
)
from vfactory.stack.state import Part

# Longer than a service's own deadline for its shutdown, so that the service ends itself.
SERVICE_PATIENCE_SECONDS: Final = SHUTDOWN_SECONDS + 3


def server_job(configuration: Configuration, name: str, server: Server) -> Job:
    """Return the job that keeps an embedded server running."""

    def start(output: int, errors: int) -> subprocess.Popen[bytes]:  # noqa: ARG001 - it has one log
        server.prepare()
        return server.launch(output)

    return Job(
        part=Part(name=name, kind="server", where=f"127.0.0.1:{server.port}"),
        start=start,
        log=log_file(configuration, name),
        is_ready=server.is_ready,
        stop_signal=server.stop_signal,
        patience=server.patience,
        native=True,
        is_leaving=server.is_leaving,
    )


def migration_jobs(
    configuration: Configuration, services: Sequence[Service], around: Surroundings
) -> list[Job]:
    """Return the jobs that migrate the schemas of `services`."""
    return [_migration(configuration, service, around) for service in services]


def service_jobs(configuration: Configuration, around: Surroundings) -> list[Job]:
    """Return the jobs that keep the APIs and workers running."""
    return [
        _lasting(configuration, service, name, command, around)
        for service in SERVICES
        for name, command in service.processes().items()
    ]


def _migration(configuration: Configuration, service: Service, around: Surroundings) -> Job:
    name = f"{service.name}-migrate"
    variables = service_environment(service, name, configuration, around)
    return Job(
        part=Part(name=name, kind="migration", where=""),
        start=partial(start_service, service, "migrate", variables),
        log=log_file(configuration, name),
        is_ready=lambda: True,
        once=True,
    )


def _lasting(
    configuration: Configuration, service: Service, name: str, command: str, around: Surroundings
) -> Job:
    where = service_url(configuration, name)
    variables = service_environment(service, name, configuration, around)
    return Job(
        part=Part(name=name, kind="service", where=where),
        start=partial(start_service, service, command, variables),
        log=log_file(configuration, name),
        is_ready=lambda: ask_health(where).is_healthy,
        patience=SERVICE_PATIENCE_SECONDS,
    )
