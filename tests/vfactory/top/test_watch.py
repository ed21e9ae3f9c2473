"""What a look finds where a monitoring runs, and what it makes of one that does not answer."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from support.monitoring.monitored_home import MonitoredHome
from support.plant.stack import Stack
from support.waiting import PATIENCE_SECONDS
from vfactory.stack.state import Part
from vfactory.top import prometheus
from vfactory.top.asking import Asker
from vfactory.top.figures import UNKNOWN, Figures
from vfactory.top.view import Row, View
from vfactory.top.watch import Watch

FIRING = {
    "labels": {"alertname": "VFactoryTargetDown", "severity": "critical", "service": "incident-event"},
    "annotations": {"summary": "It does not answer."},
}
WATCHDOG = {"labels": {"alertname": "VFactoryWatchdog", "severity": "none"}, "annotations": {}}


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    async with Asker() as asker:
        yield asker


async def look_until(watch: Watch, condition: Callable[[View], object]) -> View:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition(view := await watch.look()):
        assert time.monotonic() < deadline, view
        await asyncio.sleep(0.2)
    return view


def row(view: View, name: str) -> Row:
    return next(row for row in view.rows if row.name == name)


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def test_every_column_comes_from_prometheus(
    monitored: MonitoredHome, running_stack: Stack, asker: Asker
) -> None:
    url = f"http://127.0.0.1:{running_stack.ports['factory-core']}/v1/factories"

    def is_measured(view: View) -> bool:
        httpx.get(url)  # refused: no token
        figures = row(view, "factory-core").figures
        missing = {name for name in prometheus.QUERIES if getattr(figures, name, None) is None}
        return missing == {prometheus.ANSWERS, "lag_events"}  # it consumes nothing

    view = await look_until(Watch(monitored.home, asker), is_measured)
    assert view.source == "prometheus"
    assert view.window_seconds == 300
    measured = row(view, "factory-core").figures
    assert (measured.client_error_ratio or 0) > 0
    assert measured.server_error_ratio == 0
    assert row(view, "incident-event-worker").figures.lag_events == 0
    told = json.loads(running_stack.run("top", "--json", "--home", str(monitored.home), code=0).stdout)
    assert told["source"] == "prometheus"


async def test_without_prometheus_the_processes_are_asked_and_the_view_says_so(
    monitored: MonitoredHome, asker: Asker
) -> None:
    watch = Watch(monitored.home, asker)
    with frozen(monitored.prometheus.process):
        begun = time.monotonic()
        first = await watch.look()
        assert time.monotonic() - begun < 15
        second = await watch.look()
    assert (first.source, second.source) == ("metrics", "metrics")
    assert row(first, "factory-core").figures.cpu_cores is None
    assert row(second, "factory-core").figures.cpu_cores is not None
    assert "Prometheus does not answer: every process is asked itself." in second.notes
    assert not second.is_healthy


async def test_prometheus_is_asked_again_when_it_is_back(
    monitored: MonitoredHome, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vfactory.top.watch.PAUSE_SECONDS", 0.5)
    watch = Watch(monitored.home, asker)
    with frozen(monitored.prometheus.process):
        assert (await watch.look()).source == "metrics"
    await look_until(watch, lambda view: view.source == "prometheus")


async def test_rates_that_outlive_a_hung_process_are_not_shown_as_present(
    monitored: MonitoredHome, running_stack: Stack, asker: Asker
) -> None:
    watch = Watch(monitored.home, asker)
    await look_until(watch, lambda view: row(view, "asset-management").figures.cpu_cores is not None)
    with frozen(psutil.Process(running_stack.part("asset-management")["pid"])):
        hung = row(await watch.look(), "asset-management")
    assert (hung.condition, hung.figures) == ("silent", UNKNOWN)
    assert hung.last_answer is not None
    running_stack.wait_until_healthy()


async def test_prometheus_figures_of_a_process_that_is_down_are_left_out(
    monitored: MonitoredHome, running_stack: Stack, asker: Asker
) -> None:
    watch = Watch(monitored.home, asker)
    await look_until(watch, lambda view: row(view, "asset-management").figures.cpu_cores is not None)
    assert "asset-management" in (await figures(asker, monitored))
    with frozen(psutil.Process(running_stack.part("asset-management")["pid"])):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "asset-management" in (await figures(asker, monitored)):
            assert time.monotonic() < deadline  # its rates go on for minutes
            await asyncio.sleep(0.2)
    running_stack.wait_until_healthy()


async def figures(asker: Asker, monitored: MonitoredHome) -> Mapping[str, Figures]:
    """What Prometheus answers by itself, without what the processes say."""
    answer = await prometheus.ask(asker, monitored.prometheus.url)
    assert answer is not None
    return answer


async def test_what_fires_is_shown_without_the_watchdog(monitored: MonitoredHome, asker: Asker) -> None:
    watch = Watch(monitored.home, asker)
    assert (await watch.look()).alerts == ()
    monitored.alert(FIRING, WATCHDOG)
    view = await look_until(watch, lambda view: view.alerts)
    assert [alert.name for alert in view.alerts or ()] == ["VFactoryTargetDown"]
    assert (await Watch(monitored.home, asker, ["incident-event"]).look()).alerts == view.alerts
    assert (await Watch(monitored.home, asker, ["factory-core"]).look()).alerts == ()


async def test_a_part_that_comes_back_by_itself_is_told(monitored: MonitoredHome, asker: Asker) -> None:
    ended = Part(
        name="factory-core",
        kind="service",
        where="http://127.0.0.1:9",
        state="waiting",
        last_end="ended with 1",
    )
    monitored.say(ended)
    told = row(await Watch(monitored.home, asker).look(), "factory-core")
    assert told.condition == "waiting"
    assert "ended with 1" in told.detail
    assert told.figures == UNKNOWN


async def test_a_stack_that_has_been_stopped_is_told(tmp_path: Path, asker: Asker) -> None:
    view = await Watch(tmp_path, asker).look()
    assert view.state == "stopped"
    assert not view.is_healthy
    assert view.rows == ()
