"""Finds and configures the monitoring while the stack starts; the stack also runs without it."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from embedded import PortForbiddenError, is_port_free, make_private_folder, write_private_file
from utils.auth import Role, SigningKey, issue_token
from vfactory.stack.configuration import Configuration, port_variable
from vfactory.stack.errors import REFUSALS, explain
from vfactory.stack.keeping import Job
from vfactory.stack.monitoring import rendering
from vfactory.stack.monitoring.jobs import PROGRAM_OF, monitoring_jobs
from vfactory.stack.parts import Surroundings
from vfactory.stack.programs import fetch, find_program, programs_folder
from vfactory.stack.state import COMMAND, find_signing_key

TOKEN: Final = "incident_event_token"  # noqa: S105 - a file's name
TOKEN_LIFETIME: Final = timedelta(days=30)
TOKEN_RENEWAL_SECONDS: Final = 24 * 3600


def configuration_folder() -> Path:
    """Return the repository's folder `monitoring`."""
    return Path(__file__).resolve().parents[4] / "monitoring"


class Monitoring:
    """Finds the monitoring's programs, fetches missing ones while the stack starts, and makes their jobs.

    Args:
        configuration: of the stack.
        say: shows a sentence to the user.

    `missing` holds the reason for every program that does not run, by name.
    """

    def __init__(self, configuration: Configuration, *, say: Callable[[str], None]) -> None:
        self._told = configuration
        self._say = say
        self._found: dict[str, Path] = {}
        self.missing: dict[str, str] = {}
        self._searched = threading.Event()
        self._renewed = float("-inf")
        self._key: SigningKey | None = None

    def search(self) -> None:
        """Start searching for the programs, in a thread of its own."""
        threading.Thread(target=self._search, name="programs", daemon=True).start()

    def has_searched(self, timeout: float = 0) -> bool:
        """Return whether the search has ended; wait for it at most `timeout` seconds."""
        return self._searched.wait(timeout)

    def jobs(self, around: Surroundings) -> list[Job]:
        """Return the jobs to run; if the monitoring cannot run, none, after a sentence that says why."""
        try:
            self._key = find_signing_key(self._told.home)
            rendered = self._render()
            absent = [name for name in PROGRAM_OF if name not in {*self._found, *self.missing}]
            self._miss("Its program is not installed.", *absent)
            free = {name: path for name, path in self._found.items() if self._is_free(name)}
            return monitoring_jobs(self._told, free, around, rendered)
        except REFUSALS as error:
            self._give_up(explain(error))
        except OSError as error:
            self._give_up(str(error))
        return []

    def renew(self) -> None:
        """Write a new token for Alertmanager once a day; it reads the file at each request."""
        if self._key is not None and time.monotonic() - self._renewed > TOKEN_RENEWAL_SECONDS:
            self._renewed = time.monotonic()
            token = issue_token(
                self._key,
                subject="alertmanager",
                role=Role.ALERTMANAGER,
                lifetime=TOKEN_LIFETIME,
                issuer=COMMAND,
            )
            write_private_file(self._secret_file(TOKEN), token + "\n")

    def _search(self) -> None:
        missing = [name for name, program in PROGRAM_OF.items() if not find_program(program, self._told.home)]
        if missing:
            packages = {PROGRAM_OF[name].package for name in missing}
            try:
                fetch(packages, programs_folder(self._told.home))
            except REFUSALS as error:
                self._say(f"No {', '.join(missing)}: {explain(error)}")
                self._miss(explain(error), *missing)
        found = {name: find_program(program, self._told.home) for name, program in PROGRAM_OF.items()}
        self._found = {name: path for name, path in found.items() if path}
        self._searched.set()

    def _is_free(self, name: str) -> bool:
        port = self._told.monitoring_ports[name]
        try:
            if is_port_free(port):
                return True
            why = f"port {port} is taken."
        except PortForbiddenError as error:
            why = str(error)
        reason = f"{why} Choose another one with {port_variable(name)}."
        self._say(f"No {name}: {reason}")
        self._miss(reason, name)
        return False

    def _give_up(self, reason: str) -> None:
        self._say(f"No monitoring: {reason}")
        self._miss(reason, *PROGRAM_OF)

    def _miss(self, reason: str, *names: str) -> None:
        self.missing = {**self.missing, **dict.fromkeys(names, reason)}

    def _render(self) -> Path:
        """Write the configurations and the token; return the configurations' folder."""
        source = configuration_folder()
        folder = make_private_folder(self._told.home / "monitoring")
        make_private_folder(self._secret_file(TOKEN).parent)
        self.renew()
        addresses = {name: self._told.address(name) for name in self._told.all_ports()}
        prometheus = rendering.read(source / "prometheus/prometheus.yml")
        alertmanager = rendering.read(source / "alertmanager/alertmanager.yml")
        rendered = {
            "prometheus.yml": rendering.prometheus(prometheus, addresses, source),
            "alertmanager.yml": rendering.alertmanager(alertmanager, addresses, source, self._secret_file),
            "blackbox.yml": rendering.read(source / "prometheus/blackbox.yml"),
        }
        for name, document in rendered.items():
            write_private_file(folder / name, rendering.text(document))
        return folder

    def _secret_file(self, name: str) -> Path:
        return self._told.home / "secrets" / name
