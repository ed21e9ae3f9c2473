"""A monitoring for the shared stack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.monitoring.monitored_home import (
    MonitoredHome,
    Running,
    monitored_home,
    run_alertmanager,
    run_prometheus,
)
from support.plant.stack import Stack


@pytest.fixture(scope="module")
def hurried_prometheus(running_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A Prometheus that asks the shared stack every second."""
    with run_prometheus(running_stack, tmp_path_factory.mktemp("prometheus")) as prometheus:
        yield prometheus


@pytest.fixture
def monitored(running_stack: Stack, hurried_prometheus: Running, tmp_path: Path) -> Iterator[MonitoredHome]:
    """The shared stack with its monitoring."""
    (tmp_path / "alertmanager").mkdir()
    with (
        run_alertmanager(tmp_path / "alertmanager") as alertmanager,
        monitored_home(tmp_path / "home", running_stack, hurried_prometheus, alertmanager) as held,
    ):
        yield held
