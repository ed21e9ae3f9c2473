"""The screen, drawn from a whole running stack."""

import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Static

from support.plant.stack import Stack
from support.waiting import PATIENCE_SECONDS
from vfactory.top.asking import Asker
from vfactory.top.cells import HEADERS, UNKNOWN
from vfactory.top.screen import Screen
from vfactory.top.watch import Watch

INTERVAL = 0.2
WIDE = (200, 30)
SERVICES = [
    "factory-core",
    "incident-event",
    "asset-management",
    "factory-core-worker",
    "incident-event-worker",
]


@pytest.fixture
async def watch(running_stack: Stack) -> AsyncIterator[Watch]:
    async with Asker() as asker:
        yield Watch(running_stack.home, asker)


@pytest.fixture
def screen(watch: Watch) -> Screen:
    return Screen(watch, INTERVAL)


def said(screen: Screen, name: str) -> str:
    """What one of the screen's texts says now."""
    return str(screen.query_one(f"#{name}", Static).content)


def cell(screen: Screen, row: int, title: str) -> str:
    return str(screen.query_one(DataTable).get_cell_at((row, HEADERS.index(title))))  # type: ignore[arg-type]


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    for _ in range(int(PATIENCE_SECONDS / INTERVAL)):
        if condition():
            return
        await pilot.pause(INTERVAL)
    pytest.fail("the screen has not shown it in time")


@contextmanager
def frozen(stack: Stack, name: str) -> Iterator[None]:
    process = psutil.Process(stack.part(name)["pid"])
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)
        stack.wait_until_healthy()


async def test_the_first_look_shows_every_process_and_no_rate(running_stack: Stack) -> None:
    asker = Asker(PATIENCE_SECONDS)  # there is no second look
    screen = Screen(Watch(running_stack.home, asker), interval=60)
    async with asker, screen.run_test(size=WIDE) as pilot:
        table = screen.query_one(DataTable)
        await until(pilot, lambda: table.row_count)
        assert [cell(screen, row, "process") for row in range(table.row_count)] == SERVICES
        assert {cell(screen, row, "health") for row in range(5)} == {"✔ healthy"}
        assert "no rates yet" in said(screen, "heading")
        assert {cell(screen, 0, title) for title in ("requests", "mean", "p99", "CPU", "readings")} == {
            UNKNOWN
        }
        assert "MiB" in cell(screen, 0, "memory")


async def test_every_figure_is_shown_once_it_is_measured(screen: Screen, running_stack: Stack) -> None:
    async with screen.run_test(size=WIDE) as pilot, httpx.AsyncClient() as client:
        await until(pilot, lambda: screen.query_one(DataTable).row_count)
        for _ in range(10):  # refused: no token; a worker may ask something in between
            await client.get(f"http://127.0.0.1:{running_stack.ports['factory-core']}/v1/factories")
        await until(pilot, lambda: cell(screen, 0, "4xx").startswith("▲"))
        for title in ("requests", "mean", "p99", "5xx", "CPU", "memory", "DB in use", "DB open", "readings"):
            assert cell(screen, 0, title) != UNKNOWN, title
        assert cell(screen, 4, "lag") == "0"
        assert "/metrics of every process, rates over" in said(screen, "heading")


async def test_without_monitoring_one_line_says_how_to_get_it(screen: Screen) -> None:
    async with screen.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "Install Prometheus" in said(screen, "lines"))
        assert "Nothing fires" not in said(screen, "lines")  # nobody knows
        assert cell(screen, 0, "alerts") == UNKNOWN
        assert said(screen, "servers") == "✔ 2 databases and monitors answer"


async def test_a_process_that_hangs_is_told_with_its_last_answer_and_the_rest_goes_on(
    screen: Screen, running_stack: Stack
) -> None:
    async with screen.run_test(size=WIDE) as pilot:
        await until(
            pilot, lambda: screen.query_one(DataTable).row_count and cell(screen, 0, "CPU") != UNKNOWN
        )
        with frozen(running_stack, "factory-core"):
            await until(pilot, lambda: cell(screen, 0, "health") == "✖ no answer")
            assert "takes too long; last answer " in cell(screen, 0, "what is wrong")
            assert {cell(screen, 0, title) for title in HEADERS[2:-1]} == {UNKNOWN}
            await until(pilot, lambda: cell(screen, 4, "memory") != UNKNOWN)
        await until(pilot, lambda: cell(screen, 0, "CPU") != UNKNOWN)


async def test_a_dependency_that_hangs_is_named(screen: Screen, running_stack: Stack) -> None:
    async with screen.run_test(size=WIDE) as pilot:
        with frozen(running_stack, "valkey"):
            await until(pilot, lambda: "valkey does not answer" in said(screen, "servers"))
            await until(pilot, lambda: "redis: Connection timeout" in cell(screen, 0, "what is wrong"))
            assert cell(screen, 0, "health") == "✖ unhealthy"


async def test_paused_it_says_so_and_draws_nothing_new(screen: Screen) -> None:
    async with screen.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: screen.query_one(DataTable).row_count)
        await pilot.press("p")
        before = said(screen, "heading")
        assert before.startswith("PAUSED")
        await pilot.pause(2)
        assert said(screen, "heading") == before
        await pilot.press("p")
        await until(pilot, lambda: said(screen, "heading") not in {before, before.removeprefix("PAUSED")})
        assert "PAUSED" not in said(screen, "heading")


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("ctrl+c", 130)])
async def test_it_ends(screen: Screen, key: str, code: int) -> None:
    async with screen.run_test(size=WIDE) as pilot:
        await pilot.press(key)
    assert screen.return_code == code


async def test_a_small_terminal_scrolls_and_keeps_the_names(screen: Screen) -> None:
    async with screen.run_test(size=(50, 14)) as pilot:
        table = screen.query_one(DataTable)
        await until(pilot, lambda: table.row_count)
        await pilot.press(*["right"] * 10)
        await until(pilot, lambda: table.scroll_offset.x > 0)
        left = table.scroll_offset.x
        await pilot.pause(1)
        assert table.scroll_offset.x == left  # a new look does not take one back
        # The lines above are longer, and the table lower, while something answers late.
        await until(pilot, lambda: "factory-core-worker" in screen.export_screenshot())


async def test_without_colour_the_signs_remain(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    assert colours(await drawn(Screen(watch, INTERVAL)))
    monkeypatch.setenv("NO_COLOR", "1")
    picture = await drawn(Screen(watch, INTERVAL))
    assert not colours(picture)
    assert "✔" in picture


async def drawn(screen: Screen) -> str:
    async with screen.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: screen.query_one(DataTable).row_count)
        return screen.export_screenshot()


def colours(picture: str) -> set[str]:
    """What is no grey; the picture's own frame is left out."""
    found = set(re.findall("fill: #([0-9a-f]{6})", picture)) - {"c5c8c6"}
    return {colour for colour in found if not colour[:2] == colour[2:4] == colour[4:]}
