"""The screen of `vfactory top`: draws each view as it comes, and stays responsive in between."""

import asyncio
import signal
import time
from typing import ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Footer, Static

from vfactory.stack.errors import REFUSALS, exit_code, explain
from vfactory.top.cells import (
    HEADERS,
    LEFT,
    Cell,
    Level,
    cells,
    heading,
    in_order,
    problems,
    remarks,
    servers,
)
from vfactory.top.view import View
from vfactory.top.watch import Watch

INTERRUPTED: Final = 130
TERMINATED: Final = 143
STYLES: Final = {Level.PLAIN: "", Level.GOOD: "green", Level.WARNING: "yellow", Level.BAD: "bold red"}


class Screen(App[None]):
    """The live view.

    Args:
        watch: makes the views of the stack.
        interval: seconds between two views.
    """

    TITLE = "vfactory top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #heading, #servers { height: auto; }
    #heading { text-style: bold; }
    #problems { height: auto; max-height: 50%; }
    DataTable { height: auto; max-height: 60%; }
    #remarks { height: 1fr; min-height: 2; border-top: solid $foreground 30%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "quit", "Quit"),
        ("p", "pause", "Pause"),
        ("ctrl+c", "interrupt"),
    ]

    def __init__(self, watch: Watch, interval: float) -> None:
        super().__init__()
        self._watch = watch
        self._interval = interval
        self._view: View | None = None
        self._paused = False

    def compose(self) -> ComposeResult:
        """Yield the screen's widgets from top to bottom."""
        yield Static("Looking …", id="heading", markup=False)
        with VerticalScroll(id="problems"):
            yield Static(id="wrong", markup=False)
        yield Static(id="servers", markup=False)
        yield DataTable(id="processes", cursor_type="none", fixed_columns=1)
        with VerticalScroll(id="remarks"):
            yield Static(id="lines", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Start updating, and handle SIGINT and SIGTERM."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self.action_interrupt)
        loop.add_signal_handler(signal.SIGTERM, self.exit, None, TERMINATED)
        self.run_worker(self._keep_looking())

    def on_unmount(self) -> None:
        """Restore the signals' handlers."""
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)

    def action_interrupt(self) -> None:
        """End with the exit code of an interrupted program."""
        self.exit(return_code=INTERRUPTED)

    def action_pause(self) -> None:
        """Pause updating, or resume it."""
        self._paused = not self._paused
        self._draw()

    async def _keep_looking(self) -> None:
        while True:
            begun = time.monotonic()
            if not self._paused:
                await self._look()
            await asyncio.sleep(max(0.0, begun + self._interval - time.monotonic()))

    async def _look(self) -> None:
        try:
            view = await self._watch.look()
        except REFUSALS as error:
            self.exit(return_code=exit_code(error), message=f"vfactory: {explain(error)}")
            return
        if not self._paused:
            self._view = view
            self._draw()

    def _draw(self) -> None:
        view = self._view
        if view is None or not self.query("#heading"):  # there is no view yet, or the screen is closing
            return
        paused = "PAUSED, not of now · " if self._paused else ""
        self.query_one("#heading", Static).update(paused + heading(view))
        self.query_one("#servers", Static).update(Text("   ").join(map(_styled, servers(view))))
        wrong = problems(view)
        self.query_one("#problems").display = bool(wrong)
        self.query_one("#wrong", Static).update(Text("\n").join(map(_styled, wrong)))
        self.query_one("#lines", Static).update(Text("\n").join(map(_styled, remarks(view))))
        self._fill(view)

    def _fill(self, view: View) -> None:
        table = self.query_one(DataTable)
        x, y = table.scroll_offset
        table.clear(columns=True)  # Textual does not make columns narrower
        for title in HEADERS:
            table.add_column(_aligned(title, Text(title)))
        for row in in_order(view):
            line = (_styled(cell) for cell in cells(row, view))
            table.add_row(*(_aligned(title, text) for title, text in zip(HEADERS, line, strict=True)))
        table.scroll_to(x, y, animate=False)


def _styled(cell: Cell) -> Text:
    return Text(str(cell), STYLES[cell.level])


def _aligned(title: str, text: Text) -> Text:
    text.justify = "left" if title in LEFT else "right"
    return text
