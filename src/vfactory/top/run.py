"""Runs the live view: on a screen, or once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from vfactory.top.asking import Asker
from vfactory.top.screen import Screen
from vfactory.top.text import text
from vfactory.top.view import View
from vfactory.top.watch import Watch

__all__ = ["look_once", "show", "text"]


def show(home: Path, services: Sequence[str], interval: float) -> int:
    """Show the stack in `home` until the user quits; return the exit code."""

    async def run() -> int:
        async with Asker() as asker:
            screen = Screen(Watch(home, asker, services), interval)
            await screen.run_async()
            return screen.return_code or 0

    return asyncio.run(run())


def look_once(home: Path, services: Sequence[str], interval: float) -> View:
    """Return one view; without Prometheus, the second of two, `interval` seconds apart, for the rates."""

    async def look() -> View:
        async with Asker() as asker:
            watch = Watch(home, asker, services)
            view = await watch.look()
            if view.state == "stopped" or view.source == "prometheus":
                return view
            await asyncio.sleep(interval)
            return await watch.look()

    return asyncio.run(look())
