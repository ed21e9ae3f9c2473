"""The home of a stack that is watched by a Prometheus in a hurry and an Alertmanager, both real."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from embedded import Program, free_port, launch
from support.plant.stack import Stack
from support.waiting import wait_for
from vfactory.stack.configuration import PORTS
from vfactory.stack.health_checks import is_monitoring_ready
from vfactory.stack.monitoring import configuration_folder, rendering
from vfactory.stack.programs import ALERTMANAGER, PROMETHEUS, PackagedProgram, require_programs, shared_files
from vfactory.stack.state import Part, StackRecord, hold_lock, read_record, state_directory, write_record


@dataclass(frozen=True)
class Running:
    """A program of the monitoring: where it listens, and its process."""

    url: str
    process: psutil.Process


@contextmanager
def run_prometheus(stack: Stack, folder: Path) -> Iterator[Running]:
    """Run one that asks the services of `stack` every second, with its state in `folder`."""
    configuration = folder / "prometheus.yml"
    configuration.write_text(rendering.text(_in_a_hurry(stack)), "utf-8")
    options = [f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"]
    with _run("prometheus", PROMETHEUS, options, folder) as running:
        yield running


@contextmanager
def run_alertmanager(folder: Path) -> Iterator[Running]:
    """Run one that tells nobody, with its state in `folder`."""
    configuration = folder / "alertmanager.yml"
    nobody = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    configuration.write_text(rendering.text(nobody), "utf-8")
    options = [f"--config.file={configuration}", f"--storage.path={folder}", "--cluster.listen-address="]
    with _run("alertmanager", ALERTMANAGER, options, folder) as running:
        yield running


@contextmanager
def _run(name: str, program: PackagedProgram, options: list[str], folder: Path) -> Iterator[Running]:
    path = require_programs([program], state_directory())[program]
    address = f"127.0.0.1:{free_port()}"
    launched = Program(
        command=[str(path), *options, f"--web.listen-address={address}"],
        directory=folder,
        environment={},
        shared_files=shared_files(path) if program is ALERTMANAGER else None,
    )
    with (folder / "log").open("wb") as log:
        process = launch(launched, output=log.fileno(), errors=log.fileno())
        try:
            wait_for(lambda: is_monitoring_ready(name, f"http://{address}"))
            yield Running(f"http://{address}", psutil.Process(process.pid))
        finally:
            process.kill()
            process.wait()


def _in_a_hurry(stack: Stack) -> rendering.Document:
    """The committed jobs of the services and the recording rules, asked and worked out every second."""
    every = {**stack.ports, **stack.monitoring_ports}
    addresses = {name: f"127.0.0.1:{port}" for name, port in every.items()}
    committed = rendering.read(configuration_folder() / "prometheus/prometheus.yml")
    document = rendering.prometheus(committed, addresses, configuration_folder())
    document["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="1s")
    jobs = {f"v-factory-{name}" for name in PORTS}
    document["scrape_configs"] = [job for job in document["scrape_configs"] if job["job_name"] in jobs]
    document["rule_files"] = [str(configuration_folder() / "prometheus/rules/recording.yml")]
    del document["alerting"]
    return document


@dataclass(frozen=True)
class MonitoredHome:
    """A home that says of itself what another one does, and that a monitoring runs there, too."""

    home: Path
    prometheus: Running
    alertmanager: Running
    parts: list[Part]

    def say(self, *changed: Part) -> None:
        """Write the record, with other words about the parts that have `changed`."""
        names = {part.name for part in changed}
        parts = [*(part for part in self.parts if part.name not in names), *changed]
        write_record(self.home, StackRecord(supervisor=os.getpid(), state="running", logs="", parts=parts))

    def alert(self, *alerts: Mapping[str, Any]) -> None:
        """Tell Alertmanager of alerts, as Prometheus does."""
        httpx.post(f"{self.alertmanager.url}/api/v2/alerts", json=alerts).raise_for_status()


@contextmanager
def monitored_home(
    home: Path, stack: Stack, prometheus: Running, alertmanager: Running
) -> Iterator[MonitoredHome]:
    """Hold `home` as if the parts of the running `stack` were started from there, with this monitoring."""
    known = read_record(stack.home)
    assert known is not None
    monitors = [
        Part(name=name, kind="monitoring", where=url, state="running")
        for name, url in (("prometheus", prometheus.url), ("alertmanager", alertmanager.url))
    ]
    with hold_lock(home):
        held = MonitoredHome(home, prometheus, alertmanager, [*known.parts, *monitors])
        held.say()
        yield held
