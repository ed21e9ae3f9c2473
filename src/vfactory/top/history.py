"""What the processes told in /metrics within the last half minute, and the figures that follow from it."""

import asyncio
from collections.abc import Mapping
from typing import Final

from vfactory.top.asking import Asker
from vfactory.top.exposition import Scrape
from vfactory.top.figures import Figures, measure

WINDOW_SECONDS: Final = 30.0


class History:
    """Scrapes by the part's name. Whoever does not answer begins anew: its silence is not averaged away."""

    def __init__(self) -> None:
        self._scrapes: dict[str, list[Scrape]] = {}

    @property
    def seconds(self) -> float | None:
        """The longest time that rates are taken over; None while nobody was asked twice."""
        return max((kept[-1].at - kept[0].at for kept in self._scrapes.values()), default=0.0) or None

    async def ask(self, asker: Asker, urls: Mapping[str, str]) -> Mapping[str, Figures]:
        """Ask the processes at `urls` now; figures by name of those that answer."""
        answers = await asyncio.gather(*map(asker.metrics, urls.values()))
        told = {name: scrape for name, scrape in zip(urls, answers, strict=True) if scrape is not None}
        self._scrapes = {name: kept_of(self._scrapes.get(name, []), scrape) for name, scrape in told.items()}
        return {name: measure(kept) for name, kept in self._scrapes.items()}

    def forget(self) -> None:
        """Begin anew."""
        self._scrapes.clear()


def kept_of(before: list[Scrape], newest: Scrape) -> list[Scrape]:
    """The scrapes of the last half minute, two of them at least where there are."""
    recent = [scrape for scrape in before if newest.at - scrape.at <= WINDOW_SECONDS]
    return [*(recent or before[-1:]), newest]
