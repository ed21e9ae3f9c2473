"""`vfactory up`: runs the whole local stack."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from vfactory.commands.detach import Ready, in_background
from vfactory.commands.options import HomeOption, LogFolderOption, folder_option
from vfactory.commands.terminal import complain, describe, notice, tell
from vfactory.stack.configuration import (
    DEFAULT_HOST,
    MEBIBYTE,
    MONITORING_PORTS,
    PORTS,
    Configuration,
    port_variable,
)
from vfactory.stack.parts import SERVICES, SHARED_VARIABLES
from vfactory.stack.state import StackRecord, state_directory
from vfactory.stack.supervisor import Supervisor

EPILOG = """Further variables: DATABASE_URL (PostgreSQL 16 or newer) and REDIS_URL, if set, replace the
embedded servers; variables that begin with FACTORY_CORE_, INCIDENT_EVENT_ or ASSET_MANAGEMENT_ are passed on
to that service. Exit codes: 0 stopped as asked, 65 damaged data, 69 port taken, 70 did not start, 74 disk
full, 75 runs already, 77 no access, 78 wrong setting."""


def _port(name: str) -> object:
    return typer.Option(
        f"--{name}-port",
        envvar=port_variable(name),
        min=1,
        max=65535,
        help=f"Port of {name}.",
        metavar="PORT",
    )


def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once everything runs.")] = False,
    home: HomeOption = None,
    host: Annotated[
        str, typer.Option(envvar="VFACTORY_HOST", help="Address that the services listen on.")
    ] = DEFAULT_HOST,
    factory_core_port: Annotated[int, _port("factory-core")] = PORTS["factory-core"],
    incident_event_port: Annotated[int, _port("incident-event")] = PORTS["incident-event"],
    asset_management_port: Annotated[int, _port("asset-management")] = PORTS["asset-management"],
    factory_core_worker_port: Annotated[int, _port("factory-core-worker")] = PORTS["factory-core-worker"],
    incident_event_worker_port: Annotated[int, _port("incident-event-worker")] = PORTS[
        "incident-event-worker"
    ],
    postgres_port: Annotated[int, _port("postgres")] = PORTS["postgres"],
    valkey_port: Annotated[int, _port("valkey")] = PORTS["valkey"],
    monitoring: Annotated[
        bool,
        typer.Option(
            "--monitoring/--no-monitoring",
            envvar="VFACTORY_MONITORING",
            help="Run Prometheus, Alertmanager and their exporters, if they are installed or can be fetched.",
        ),
    ] = True,
    prometheus_port: Annotated[int, _port("prometheus")] = MONITORING_PORTS["prometheus"],
    alertmanager_port: Annotated[int, _port("alertmanager")] = MONITORING_PORTS["alertmanager"],
    blackbox_exporter_port: Annotated[int, _port("blackbox-exporter")] = MONITORING_PORTS[
        "blackbox-exporter"
    ],
    node_exporter_port: Annotated[int, _port("node-exporter")] = MONITORING_PORTS["node-exporter"],
    postgres_exporter_port: Annotated[int, _port("postgres-exporter")] = MONITORING_PORTS[
        "postgres-exporter"
    ],
    redis_exporter_port: Annotated[int, _port("redis-exporter")] = MONITORING_PORTS["redis-exporter"],
    log_level: Annotated[str, typer.Option(envvar="LOG_LEVEL", help="Log level of the services.")] = "INFO",
    log_dir: LogFolderOption = None,
    data_dir: Annotated[
        Path | None,
        folder_option("--data-dir", "VFACTORY_DATA_DIR", "Folder of PostgreSQL and Valkey.", "HOME/data"),
    ] = None,
    store_dir: Annotated[
        Path | None,
        folder_option("--store-dir", "VFACTORY_STORE_DIR", "Folder of uploaded assets.", "HOME/assets"),
    ] = None,
    log_megabytes: Annotated[
        int,
        typer.Option(
            envvar="VFACTORY_LOG_MEGABYTES",
            min=1,
            max=10_000,
            help="Size at which a log file is rotated (five are kept per process).",
        ),
    ] = 20,
    start_seconds: Annotated[
        float,
        typer.Option(envvar="VFACTORY_START_SECONDS", min=1, max=3600, help="How long a start may take."),
    ] = 90,
) -> None:
    """Run PostgreSQL, Valkey, the three services, their workers and the monitoring here until Ctrl-C."""
    began = time.monotonic()
    configuration = Configuration(
        home=state_directory(home),
        host=host or DEFAULT_HOST,
        ports={
            "factory-core": factory_core_port,
            "incident-event": incident_event_port,
            "asset-management": asset_management_port,
            "factory-core-worker": factory_core_worker_port,
            "incident-event-worker": incident_event_worker_port,
            "postgres": postgres_port,
            "valkey": valkey_port,
        },
        monitoring_ports={
            "prometheus": prometheus_port,
            "alertmanager": alertmanager_port,
            "blackbox-exporter": blackbox_exporter_port,
            "node-exporter": node_exporter_port,
            "postgres-exporter": postgres_exporter_port,
            "redis-exporter": redis_exporter_port,
        },
        monitoring=monitoring,
        database_url=os.environ.get("DATABASE_URL") or None,
        redis_url=os.environ.get("REDIS_URL") or None,
        log_level=log_level,
        log_bytes=log_megabytes * MEBIBYTE,
        start_seconds=start_seconds,
        log_folder=log_dir,
        data_folder=data_dir,
        store_folder=store_dir,
        passed_on=_passed_on(),
    )

    stop = "vfactory down" if detach else "Ctrl-C"

    def ready(record: StackRecord) -> None:
        tell(f"V-Factory is ready after {time.monotonic() - began:.1f} s.\n\n{describe(record)}\n")
        tell(f"State in {configuration.home}. Logs: vfactory logs -f. Health: vfactory status. Stop: {stop}.")

    def run(ready: Ready) -> None:
        notice("Starting V-Factory …")
        Supervisor(configuration, say=complain).run(ready)
        notice("V-Factory has stopped.")

    if detach:
        in_background(run, ready)
    else:
        run(ready)


def _passed_on() -> dict[str, str]:
    prefixes = (*SHARED_VARIABLES, *(service.prefix for service in SERVICES))
    return {name: value for name, value in os.environ.items() if name.startswith(prefixes)}
