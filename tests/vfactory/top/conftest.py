"""A monitoring for the shared stack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import local_alertmanager
from monitored_home import MonitoredHome, Prometheus, monitored_home, run_prometheus
from running_stack import Stack


@pytest.fixture(scope="module")
def hurried_prometheus(
    running_stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that asks the shared stack every second."""
    with run_prometheus(running_stack, tmp_path_factory.mktemp("prometheus")) as prometheus:
        yield prometheus


@pytest.fixture
def monitored(
    running_stack: Stack, hurried_prometheus: Prometheus, tmp_path: Path
) -> Iterator[MonitoredHome]:
    """The shared stack with its monitoring."""
    (tmp_path / "alertmanager").mkdir()
    with (
        local_alertmanager.run(tmp_path / "alertmanager") as alertmanager,
        monitored_home(tmp_path / "home", running_stack, hurried_prometheus, alertmanager) as held,
    ):
        yield held
