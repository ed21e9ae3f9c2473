"""Screens that follow the plant's events, and what they have missed."""

import asyncio
from typing import Final

from deploy.rolling.load import Accepted
from plant_client import AsyncPlantClient, Break, Event, Plant, PlantError, Reset, Subscription

EVENTS: Final = {"incident.reported.v1": "reported", "incident.acknowledged.v1": "acknowledged"}
RETRY_SECONDS: Final = 2.0
SILENCE_SECONDS: Final = 40.0  # a heartbeat comes every 15 s


class Screen:
    """A client of the event stream that comes back where it was, as a browser's EventSource does."""

    def __init__(self, plant: Plant, factory: str) -> None:
        self._plant = plant
        self.subscription = Subscription(
            factory,
            on_connect=self._begin,
            on_break=self._note,
            silence_seconds=SILENCE_SECONDS,
            longest_pause_seconds=RETRY_SECONDS,
        )
        self.connected = asyncio.Event()
        self.first: int | None = None
        self.sequence: list[int] = []
        self.types: list[str] = []
        self.failures: list[str] = []

    async def run(self) -> None:
        """Watch for ever."""
        async with AsyncPlantClient(self._plant) as client:
            while True:
                try:
                    async for item in client.follow(self.subscription):
                        self._take(item)
                except PlantError as error:
                    self.failures.append(str(error))
                await asyncio.sleep(RETRY_SECONDS)

    def _begin(self) -> None:
        self.first = self.subscription.position
        self.connected.set()

    def _note(self, end: Break) -> None:
        if end.error is not None:
            self.failures.append(str(end.error))

    def _take(self, item: Event | Reset) -> None:
        if isinstance(item, Reset):
            self.failures.append("the stream said reset")
        else:
            self.sequence.append(item.seq)
            self.types.append(item.type)


def flaws_of(screen: Screen, accepted: Accepted) -> list[str]:
    """Say what a screen has missed, had twice, or seen out of order."""
    flaws = list(screen.failures)
    first = screen.first or 0
    expected = list(range(first + 1, first + 1 + len(screen.sequence)))
    if screen.sequence != expected:
        wrong = next(seen for seen, due in zip(screen.sequence, expected, strict=True) if seen != due)
        flaws.append(f"the sequence breaks at {wrong}")
    if screen.subscription.repeated:
        flaws.append(f"{screen.subscription.repeated} events came again")
    for kind, name in EVENTS.items():
        seen, due = screen.types.count(kind), len(getattr(accepted, name))
        if seen != due:
            flaws.append(f"{kind}: saw {seen} of {due}")
    return flaws
