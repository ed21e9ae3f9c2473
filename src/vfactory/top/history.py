"""The scrapes of all processes in the last half minute, and the figures computed from them."""

import asyncio
from collections.abc import Mapping
from typing import Final

from vfactory.top.asking import Asker
from vfactory.top.exposition import Scrape
from vfactory.top.figures import Figures, measure

WINDOW_SECONDS: Final = 30.0


class History:
    """Scrapes by process name. A silent process starts again, so that no rate averages over its silence."""

    def __init__(self) -> None:
        self._scrapes: dict[str, list[Scrape]] = {}

    @property
    def seconds(self) -> float | None:
        """The longest time that rates are taken over; None until a process has been scraped twice."""
        return max((kept[-1].at - kept[0].at for kept in self._scrapes.values()), default=0.0) or None

    async def ask(self, asker: Asker, urls: Mapping[str, str]) -> Mapping[str, Figures]:
        """Scrape the processes at `urls`; return the figures of those that answer, by name."""
        answers = await asyncio.gather(*map(asker.metrics, urls.values()))
        told = {name: scrape for name, scrape in zip(urls, answers, strict=True) if scrape is not None}
        self._scrapes = {name: kept_of(self._scrapes.get(name, []), scrape) for name, scrape in told.items()}
        return {name: measure(kept) for name, kept in self._scrapes.items()}

    def forget(self) -> None:
        """Drop all scrapes."""
        self._scrapes.clear()


def kept_of(before: list[Scrape], newest: Scrape) -> list[Scrape]:
    """Return the scrapes of the last half minute with the newest, at least two if there are."""
    recent = [scrape for scrape in before if newest.at - scrape.at <= WINDOW_SECONDS]
    return [*(recent or before[-1:]), newest]
