"""The mixed traffic asks a running plant for everything it offers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from monitoring.traffic import in_background

from support.plant.stack import Stack, run_stack
from support.waiting import wait_for
from vfactory.client.find_plant import local_plant
from vfactory.stack.errors import NotRunningError

ASKED = {
    "factory-core": ("/v1/factories/{factory_id}/readings", "/v1/factories/{factory_id}/equipment"),
    "incident-event": ("/v1/incidents", "/v1/incidents/{incident_id}/resolve", "/v1/events"),
    "asset-management": ("/v1/assets", "/v1/assets/{asset_id}/content"),
}


@pytest.fixture
def stack(copy_home: Callable[[Path], Path], tmp_path: Path) -> Iterator[Stack]:
    """A running plant."""
    with run_stack(copy_home(tmp_path / "home")) as stack:
        yield stack


def missing(stack: Stack, service: str) -> set[str]:
    exposed = httpx.get(f"http://127.0.0.1:{stack.ports[service]}/metrics").text
    return {path for path in ASKED[service] if f'path="{path}",status_code="2' not in exposed}


def test_traffic_asks_for_everything_the_plant_offers(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.traffic.actors.STREAM_SECONDS", 2.0)  # counted when it ends
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    with in_background(local_plant(stack.home, "traffic"), pace=10) as traffic:
        wait_for(lambda: not any(missing(stack, service) for service in ASKED))
    ended = traffic.stop().ended
    assert "5xx" not in ended
    assert "none" not in ended
    assert ended["4xx"]


def test_without_a_running_plant_the_traffic_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="vfactory up"):
        local_plant(tmp_path, "traffic")
