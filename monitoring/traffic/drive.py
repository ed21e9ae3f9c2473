"""Lets the actors act, for so long or until told to stop."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from monitoring.traffic.actors import CAST, Actor, Tally, Work
from monitoring.traffic.factory import build
from plant_client import AsyncPlantClient, Plant, PlantError

TIMEOUT_SECONDS: Final = 10.0
PROGRESS_SECONDS: Final = 15.0
JITTER: Final = 0.3
GRACE_SECONDS: Final = 15.0

Say = Callable[[str], None]


async def drive(
    plant: Plant,
    *,
    seconds: float,
    pace: float = 1.0,
    say: Say | None = None,
    stop: asyncio.Event | None = None,
) -> Tally:
    """Make a factory and ask the plant for everything it offers, `pace` times as often as usual.

    Returns after `seconds`, or soon after `stop` is set. Failures are counted, not raised: traffic goes on
    while the plant is in trouble.

    Raises:
        PlantError: Not even the beginning could be made.
    """
    stop = stop or asyncio.Event()
    async with AsyncPlantClient(plant, timeout_seconds=TIMEOUT_SECONDS) as client:
        work = Work(client, await build(client))
        ends = time.monotonic() + seconds
        acting = [
            asyncio.create_task(_repeat(actor, work, pause / pace))
            for actor, count, pause in CAST
            for _ in range(count)
        ]
        try:
            await _watch(work.tally, ends, seconds, say or (lambda _: None), stop)
        finally:
            for task in acting:
                task.cancel()
            await asyncio.gather(*acting, return_exceptions=True)
    return work.tally


class Traffic:
    """Traffic that runs in a thread of its own; `tally` is what has come of it at the end."""

    def __init__(self, plant: Plant, *, pace: float = 1.0) -> None:
        self.tally = Tally()
        self.failure: Exception | None = None
        self._plant = plant
        self._pace = pace
        self._begun = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        self._begun.wait(GRACE_SECONDS)

    def stop(self) -> Tally:
        """End, and say what has come of it.

        Raises:
            PlantError: Not even the beginning could be made.
        """
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(GRACE_SECONDS)
        if self.failure is not None:
            raise self.failure
        return self.tally

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except PlantError as error:
            self.failure = error
        finally:
            self._begun.set()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        self.tally = await drive(self._plant, seconds=float("inf"), pace=self._pace, stop=self._stop)


@contextmanager
def in_background(plant: Plant, *, pace: float = 1.0) -> Iterator[Traffic]:
    """Traffic for as long as the block runs."""
    traffic = Traffic(plant, pace=pace)
    traffic.start()
    try:
        yield traffic
    finally:
        traffic.stop()


async def _repeat(actor: Actor, work: Work, pause: float) -> None:
    await asyncio.sleep(pause * random.random())  # noqa: S311 - nobody begins at the same moment
    while True:
        await actor(work)
        await asyncio.sleep(pause * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - the same


async def _watch(tally: Tally, ends: float, seconds: float, say: Say, stop: asyncio.Event) -> None:
    while (left := ends - time.monotonic()) > 0 and not stop.is_set():
        try:
            async with asyncio.timeout(min(PROGRESS_SECONDS, left)):
                await stop.wait()
        except TimeoutError:
            done = seconds - max(0.0, ends - time.monotonic())
            say(f"{done:.0f} of {seconds:.0f} s: {tally}")
