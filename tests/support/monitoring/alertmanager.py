"""A real Alertmanager with the committed routes and inhibitions, in a hurry, telling a test's receiver."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from monitoring.drills.receiver import Receiver, receive

from embedded import Program, free_port, launch
from support import ROOT
from vfactory.stack.monitoring import rendering
from vfactory.stack.programs import ALERTMANAGER, require_programs, shared_files
from vfactory.stack.state import state_directory

MONITORING = ROOT / "monitoring"
PATIENCE_SECONDS = 30
HURRY = {"group_wait": "1s", "group_interval": "2s"}


@dataclass(frozen=True)
class Alertmanager:
    """What asks it, and what it has told."""

    client: httpx.Client
    receiver: Receiver

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return str(self.client.base_url).rstrip("/")

    def post(self, *alerts: Mapping[str, Any]) -> None:
        """Tell it of alerts, as Prometheus does."""
        self.client.post("/api/v2/alerts", json=alerts).raise_for_status()

    def alerts(self) -> list[dict[str, Any]]:
        """What it knows and has not seen end, with its state at this moment."""
        answer = self.client.get("/api/v2/alerts").raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def told(self, way: str) -> list[str]:
        """The names of the alerts which were told over `slack`, `pagerduty` or `webhook`, in order."""
        return [_name(way, message.body) for message in self.receiver.messages(f"/{way}")]


def _name(way: str, body: Any) -> str:
    if way == "webhook":
        return str(body["groupLabels"]["alertname"])
    if way == "pagerduty":
        return str(body["payload"]["class"])
    return str(body["attachments"][0]["title_link"]).rpartition("/")[2].removesuffix(".md")


@contextmanager
def run_hurried_alertmanager(
    folder: Path,
    *,
    webhook: str | None = None,
    token: str = "a-token",  # noqa: S107 - the test's receiver does not look at it
    repeat: str | None = None,
    maintenance: Sequence[Mapping[str, Any]] | None = None,
    port: int | None = None,
) -> Iterator[Alertmanager]:
    """Run it with its state in `folder`.

    Args:
        folder: empty.
        webhook: the address that is told instead of the test's receiver.
        token: what it shows there.
        repeat: after how long it tells again what has not changed, instead of the committed intervals.
        port: where it listens, instead of a free one.
        maintenance: when warnings are muted, instead of the committed hour.
    """
    program = require_programs([ALERTMANAGER], state_directory())[ALERTMANAGER]
    address = f"127.0.0.1:{port or free_port()}"
    with receive() as receiver:
        configuration = folder / "alertmanager.yml"
        document = _document(folder, receiver, webhook, token, repeat)
        if maintenance is not None:
            [muted] = document["time_intervals"]
            muted["time_intervals"] = [dict(one) for one in maintenance]
        configuration.write_text(rendering.text(document), "utf-8")
        command = [
            str(program),
            f"--config.file={configuration}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
        ]
        with (folder / "log").open("wb") as log:
            process = launch(
                Program(
                    command=command, directory=folder, environment={}, shared_files=shared_files(program)
                ),
                output=log.fileno(),
                errors=log.fileno(),
            )
            try:
                with httpx.Client(base_url=f"http://{address}", trust_env=False) as client:
                    _await(client, folder / "log")
                    yield Alertmanager(client, receiver)
            finally:
                process.terminate()
                process.wait()


def _document(
    folder: Path, receiver: Receiver, webhook: str | None, token: str, repeat: str | None
) -> dict[str, Any]:
    """The committed file with the test's receiver, and waits short enough for a test."""
    secrets = {
        "slack_url": f"{receiver.url}/slack",
        "pagerduty_routing_key": "a-routing-key",
        "incident_event_token": token,
    }
    for name, text in secrets.items():
        (folder / name).write_text(text, "utf-8")
    committed = rendering.read(MONITORING / "alertmanager/alertmanager.yml")
    document = rendering.alertmanager(committed, _Anywhere(), MONITORING, lambda name: folder / name)
    document["global"]["pagerduty_url"] = f"{receiver.url}/pagerduty"
    for one in document["receivers"]:
        for told in one.get("webhook_configs", []):
            told["url"] = webhook or f"{receiver.url}/webhook"
    hurry = {**HURRY, **({"repeat_interval": repeat} if repeat else {})}
    for route in (document["route"], *document["route"]["routes"]):
        route.update({name: value for name, value in hurry.items() if name in route})
    return document


class _Anywhere(dict[str, str]):
    """Addresses that nobody will ask."""

    def __missing__(self, name: str) -> str:
        return "127.0.0.1:1"


def _await(client: httpx.Client, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if client.get("/-/ready").is_success:
                return
        except httpx.TransportError:
            assert time.monotonic() < deadline, log.read_text("utf-8", "replace")
            time.sleep(0.05)
