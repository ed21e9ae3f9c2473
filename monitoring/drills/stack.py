"""A local stack for drills: with a folder, ports, a PostgreSQL and a receiver of messages of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final

import httpx

from contracts.platform import PLATFORM_FACTORY_ID
from embedded import PostgresServer, free_port, free_ports, make_private_folder, write_private_file
from monitoring.drills.receiver import Receiver, receive
from plant_client import PlantClient
from utils.auth import Role
from vfactory.client.find_plant import local_plant
from vfactory.stack.configuration import (
    DATABASE,
    MONITORING_PORTS,
    PORTS,
    POSTGRES,
    default_home,
    port_variable,
)
from vfactory.stack.errors import NotRunningError, PartFailedError
from vfactory.stack.health_checks import ask_health
from vfactory.stack.programs import FOLDER_VARIABLE
from vfactory.stack.state import Part, read_record

COMMAND: Final = Path(sys.executable).parent / "vfactory"
COMMITTED_RULES: Final = Path(__file__).resolve().parents[1] / "prometheus/rules"
SECONDS: Final = 5.0


@dataclass(frozen=True)
class DrillStack:
    """The running stack.

    Args:
        home: its state directory.
        postgres: the server it uses, which a drill may stop.
        receiver: what takes the messages that go to Slack.
        rules: the rules that its Prometheus reads: a copy.
    """

    home: Path
    postgres: PostgresServer
    receiver: Receiver
    rules: Path

    def part(self, name: str) -> Part:
        """A process of the stack as it is now; NotRunningError when the stack has gone."""
        known = read_record(self.home)
        found = [part for part in known.parts if part.name == name] if known else []
        if not found:
            raise NotRunningError(f"{name} does not run in {self.home}.")
        return found[0]

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process; nothing happens while it is between two lives."""
        pid = self.part(name).pid
        if pid is not None:
            os.kill(pid, number)

    def health(self, name: str) -> int | None:
        """The status of /health of a service; None without an answer."""
        return ask_health(self.part(name).where).status

    def alerts(self) -> list[Mapping[str, Any]]:
        """What Prometheus says of alerts that fire."""
        answer = httpx.get(f"{self.part('prometheus').where}/api/v1/alerts", timeout=SECONDS)
        found = answer.raise_for_status().json()["data"]["alerts"]
        return [alert for alert in found if alert["state"] == "firing"]

    def incidents(self) -> list[Mapping[str, Any]]:
        """The platform's newest incidents."""
        plant = local_plant(self.home, "drill", Role.VIEWER)
        with PlantClient(plant, timeout_seconds=SECONDS) as client:
            page = client.get("incident-event", "/v1/incidents", factory=PLATFORM_FACTORY_ID, limit=100)
        found: list[Mapping[str, Any]] = page["items"]
        return found

    def reload_rules(self) -> None:
        """Let Prometheus read its rules anew; what fires goes on firing."""
        self.signal("prometheus", signal.SIGHUP)


@contextmanager
def run_stack(*, keep: bool = False) -> Iterator[DrillStack]:
    """Run a stack for as long as the block runs; its folder stays there afterwards with `keep`.

    Raises:
        StackError, EmbeddedError: it does not come up.
    """
    home = Path(tempfile.mkdtemp(prefix="vfactory-drill-"))
    server = PostgresServer(home / POSTGRES, port=free_port(), password=token_urlsafe(24))
    try:
        with server as postgres, receive() as receiver:
            postgres.create_database(DATABASE)
            make_private_folder(home / "secrets")
            write_private_file(home / "secrets/slack_url", f"{receiver.url}/slack\n")
            variables = _variables(home, postgres)
            _vfactory(variables, "up", "--detach")
            try:
                stack = DrillStack(home, postgres, receiver, _own_rules(home))
                stack.reload_rules()
                yield stack
            finally:
                _vfactory(variables, "down")
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def _own_rules(home: Path) -> Path:
    """Give the stack's Prometheus a copy of the rules, so that a drill can set a threshold of its own."""
    rules = home / "rules"
    shutil.copytree(COMMITTED_RULES, rules)
    configuration = home / "monitoring/prometheus.yml"
    text = configuration.read_text("utf-8")
    write_private_file(configuration, re.sub(re.escape(str(COMMITTED_RULES)), lambda _: str(rules), text))
    return rules


def _variables(home: Path, postgres: PostgresServer) -> dict[str, str]:
    ours = {name: text for name, text in os.environ.items() if not name.startswith("VFACTORY_")}
    return {
        **ours,
        **{port_variable(name): str(port) for name, port in free_ports((*PORTS, *MONITORING_PORTS)).items()},
        FOLDER_VARIABLE: os.environ.get(FOLDER_VARIABLE) or str(default_home() / "programs"),
        "VFACTORY_HOME": str(home),
        "DATABASE_URL": postgres.url(DATABASE),
    }


def _vfactory(variables: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - the project's own command
        [COMMAND, *arguments], env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise PartFailedError(f"`vfactory {' '.join(arguments)}` failed: {done.stderr.strip()}")
