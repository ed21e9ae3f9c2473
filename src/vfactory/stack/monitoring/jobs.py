"""The jobs of the monitoring's programs: how each is started, and when it is ready."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from embedded import Program, launch, make_folder
from vfactory.stack.configuration import Configuration
from vfactory.stack.health_checks import is_monitoring_ready
from vfactory.stack.keeping import Job
from vfactory.stack.logs import log_file
from vfactory.stack.parts import EXPORTER, Surroundings
from vfactory.stack.programs import (
    ALERTMANAGER,
    BLACKBOX_EXPORTER,
    NODE_EXPORTER,
    POSTGRES_EXPORTER,
    PROMETHEUS,
    REDIS_EXPORTER,
    PackagedProgram,
    shared_files,
)
from vfactory.stack.state import Part

MONITORING: Final = "monitoring"
PATIENCE_SECONDS: Final = 10.0
RETENTION_TIME: Final = "30d"  # the objectives look back that far
RETENTION_SIZE: Final = "2GB"
PROGRAM_OF: Final[Mapping[str, PackagedProgram]] = {
    "prometheus": PROMETHEUS,
    "alertmanager": ALERTMANAGER,
    "blackbox-exporter": BLACKBOX_EXPORTER,
    "node-exporter": NODE_EXPORTER,
    "postgres-exporter": POSTGRES_EXPORTER,
    "redis-exporter": REDIS_EXPORTER,
}


@dataclass(frozen=True)
class Way:
    """The arguments and variables of a program; passwords are only in variables."""

    arguments: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)


def monitoring_jobs(
    configuration: Configuration, found: Mapping[str, Path], around: Surroundings, rendered: Path
) -> list[Job]:
    """Return a job for every program that was `found`; `rendered` is the folder of the configurations."""
    ways = {
        "prometheus": _prometheus(configuration, rendered),
        "alertmanager": _alertmanager(configuration, rendered),
        "blackbox-exporter": _blackbox(configuration, rendered),
        "node-exporter": Way(_listen(configuration, "node-exporter")),
        "postgres-exporter": _postgres_exporter(configuration, around),
        "redis-exporter": _redis_exporter(configuration, around),
    }
    return [_job(configuration, name, found[name], way) for name, way in ways.items() if name in found]


def data_folder(configuration: Configuration, name: str) -> Path:
    """Return the data folder of the part called `name`."""
    return configuration.data / name


def _job(configuration: Configuration, name: str, program: Path, way: Way) -> Job:
    where = f"http://{configuration.address(name)}"
    directory = data_folder(configuration, name)

    def start(output: int, errors: int) -> subprocess.Popen[bytes]:
        make_folder(directory)
        return launch(
            Program(
                command=[str(program), *way.arguments],
                directory=directory,
                environment={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **way.variables},
                death_signal=signal.SIGTERM,
                shared_files=shared_files(program) if name == "alertmanager" else None,
            ),
            output=output,
            errors=errors,
        )

    ready: Callable[[], bool] = lambda: is_monitoring_ready(name, where)  # noqa: E731
    return Job(
        part=Part(name=name, kind=MONITORING, where=where),
        start=start,
        log=log_file(configuration, name),
        is_ready=ready,
        patience=PATIENCE_SECONDS,
        native=True,
    )


def _listen(configuration: Configuration, name: str) -> list[str]:
    return [f"--web.listen-address={configuration.address(name)}"]


def _prometheus(configuration: Configuration, rendered: Path) -> Way:
    return Way(
        [
            f"--config.file={rendered / 'prometheus.yml'}",
            f"--storage.tsdb.path={data_folder(configuration, 'prometheus')}",
            f"--storage.tsdb.retention.time={RETENTION_TIME}",
            f"--storage.tsdb.retention.size={RETENTION_SIZE}",
            "--enable-feature=exemplar-storage",
            *_listen(configuration, "prometheus"),
        ]
    )


def _alertmanager(configuration: Configuration, rendered: Path) -> Way:
    return Way(
        [
            f"--config.file={rendered / 'alertmanager.yml'}",
            f"--storage.path={data_folder(configuration, 'alertmanager')}",
            "--cluster.listen-address=",  # there is no other Alertmanager
            *_listen(configuration, "alertmanager"),
        ]
    )


def _blackbox(configuration: Configuration, rendered: Path) -> Way:
    return Way([f"--config.file={rendered / 'blackbox.yml'}", *_listen(configuration, "blackbox-exporter")])


def _postgres_exporter(configuration: Configuration, around: Surroundings) -> Way:
    url = around.database_urls[EXPORTER]
    parts = urlsplit(url)
    if "sslmode=" not in parts.query:  # the exporter's driver does not support `prefer`
        mode = "disable" if parts.hostname in {"127.0.0.1", "::1", "localhost"} else "require"
        url += ("&" if parts.query else "?") + f"sslmode={mode}"
    return Way(_listen(configuration, "postgres-exporter"), {"DATA_SOURCE_NAME": url})


def _redis_exporter(configuration: Configuration, around: Surroundings) -> Way:
    parts = urlsplit(around.redis_url)
    variables = {"REDIS_ADDR": f"{parts.scheme}://{parts.hostname}:{parts.port or 6379}"}
    if parts.username:
        variables["REDIS_USER"] = unquote(parts.username)
    if parts.password:
        variables["REDIS_PASSWORD"] = unquote(parts.password)
    return Way(_listen(configuration, "redis-exporter"), variables)
