"""Interleaved measuring: on a noisy machine only figures taken turn by turn can be compared."""

import gc
import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

ROUNDS: Final = 7
QUICK_ROUNDS: Final = 1

_Subject = TypeVar("_Subject")


@dataclass(frozen=True)
class Options:
    """How to run: `quick` only shows that a benchmark runs; its figures are no verdict."""

    quick: bool = False

    @property
    def rounds(self) -> int:
        """How many interleaved rounds to measure."""
        return QUICK_ROUNDS if self.quick else ROUNDS

    def scaled(self, amount: int, quick_amount: int) -> int:
        """Return the amount of work of one round."""
        return quick_amount if self.quick else amount


@dataclass(frozen=True)
class Samples:
    """One figure per round of one subject."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure that is reported."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        return f"{self.median:,.4g} ({min(self.values):,.4g} … {max(self.values):,.4g})"


def interleave(subjects: Mapping[str, Callable[[], float]], options: Options) -> dict[str, Samples]:
    """Measure all subjects in turn, round by round, after one round that only warms up.

    A subject does one round's work and returns its figure (a time, a rate, a percentile) in its own unit.
    """
    figures: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(-1, options.rounds):
        for name, measure in _in_turn(subjects, number):
            gc.collect()
            figure = measure()
            if number >= 0:
                figures[name].append(figure)
    return {name: Samples(tuple(values)) for name, values in figures.items()}


async def interleave_async(
    subjects: Mapping[str, Callable[[], Awaitable[float]]], options: Options
) -> dict[str, Samples]:
    """Do the same with coroutines."""
    figures: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(-1, options.rounds):
        for name, measure in _in_turn(subjects, number):
            gc.collect()
            figure = await measure()
            if number >= 0:
                figures[name].append(figure)
    return {name: Samples(tuple(values)) for name, values in figures.items()}


def _in_turn(subjects: Mapping[str, _Subject], number: int) -> list[tuple[str, _Subject]]:
    """Every other round goes backwards, so that no subject always profits from its neighbour."""
    items = list(subjects.items())
    return items if number % 2 else items[::-1]
