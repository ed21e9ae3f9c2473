"""Says of every part of the stack how it is started, known to be ready, and stopped."""

import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from embedded import PostgresServer, Server, ValkeyServer
from vfactory.stack import journal, secrets, services
from vfactory.stack.answers import ask_health
from vfactory.stack.configuration import DATABASE_USER, POSTGRES, VALKEY, Configuration
from vfactory.stack.keeper import Job
from vfactory.stack.log_files import LogFile
from vfactory.stack.record import Part
from vfactory.stack.services import SERVICES, SHUTDOWN_SECONDS, Service, Surroundings

# Longer than a service's own deadline for its shutdown, so that it is the one to end it.
SERVICE_PATIENCE_SECONDS: Final = SHUTDOWN_SECONDS + 3


def log_file(configuration: Configuration, name: str) -> LogFile:
    """The log file of the part called `name`."""
    return LogFile(
        log_path(configuration.logs, name), limit=configuration.log_bytes, on_loss=journal.loss(name)
    )


def log_path(logs: Path, name: str) -> Path:
    """Where the lines of the part called `name` are."""
    return logs / f"{name}.log"


def postgres_server(configuration: Configuration) -> PostgresServer:
    """The embedded PostgreSQL with the password kept for it, or a new one that it then gets as well."""
    directory = configuration.data / POSTGRES

    def server(password: str) -> PostgresServer:
        log = log_path(configuration.logs, POSTGRES)
        return PostgresServer(
            directory,
            port=configuration.ports[POSTGRES],
            password=password,
            user=DATABASE_USER,
            log_file=log,
        )

    def teach(password: str) -> None:
        if server(password).is_made():
            server(password).reset_password()

    return server(secrets.keep(configuration.home, POSTGRES, before=teach).value)


def valkey_server(configuration: Configuration) -> ValkeyServer:
    """The embedded Valkey with the password kept for it."""
    return ValkeyServer(
        configuration.data / VALKEY,
        port=configuration.ports[VALKEY],
        password=secrets.keep(configuration.home, VALKEY).value,
        log_file=log_path(configuration.logs, VALKEY),
    )


def server_job(configuration: Configuration, name: str, server: Server) -> Job:
    """An embedded server as a part of the stack."""

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
    """What brings the schemas of `services` up to date."""
    return [_migration(configuration, service, around) for service in services]


def service_jobs(configuration: Configuration, around: Surroundings) -> list[Job]:
    """The APIs and workers."""
    return [
        _lasting(configuration, service, name, command, around)
        for service in SERVICES
        for name, command in service.processes().items()
    ]


def _migration(configuration: Configuration, service: Service, around: Surroundings) -> Job:
    name = f"{service.name}-migrate"
    variables = services.environment(service, name, configuration, around)
    return Job(
        part=Part(name=name, kind="migration", where=""),
        start=partial(services.start, service, "migrate", variables),
        log=log_file(configuration, name),
        is_ready=lambda: True,
        once=True,
    )


def _lasting(
    configuration: Configuration, service: Service, name: str, command: str, around: Surroundings
) -> Job:
    where = services.address(configuration, name)
    variables = services.environment(service, name, configuration, around)
    return Job(
        part=Part(name=name, kind="service", where=where),
        start=partial(services.start, service, command, variables),
        log=log_file(configuration, name),
        is_ready=lambda: ask_health(where).is_healthy,
        patience=SERVICE_PATIENCE_SECONDS,
    )
