"""P19: what the worst batches cost that the limits allow: many rules on one series, readings out of order."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Final
from uuid import UUID

from benchmarks.harness import Goal, Options, Result, interleave
from incident_event.rules.evaluation import Budget, Readings, SeriesInput, step
from incident_event.rules.repository import EvaluationChanges, StoredRule
from incident_event.rules.turns import Turns
from incident_event.rules.watch import FactoryWatch, Watched, WatchedSeries

KEY: Final = ("pump-1", "M")
LATENESS: Final = 60.0
HOLD: Final = Goal("P19", "the event loop is held by two thousand rules, at most", "ms", 50, "at most")
BATCHES: Final = 5
LATER: Final = 10**15

Batch = tuple[list[int], list[float]]


def run(options: Options) -> list[Result]:
    """Compare nanoseconds for each reading and rule: with many of both, and with a tenth and a fifth of them.

    Harmless readings cross no limit; alternating ones raise and clear at every second reading; single ones
    come one in a batch, every second one before the one that came last.
    """
    rules, size = options.scaled(2_000, 40), options.scaled(10_000, 200)
    many = {
        "harmless": (rules, list(_interleaved(size, lambda _: 0.1))),
        "alternating": (rules // 20, list(_interleaved(size, lambda place: float(place % 2)))),
        "single": (rules // 20, [_single(place) for place in range(size // 2)]),
    }
    few = {
        "harmless": (rules // 10, list(_interleaved(size // 5, lambda _: 0.1))),
        "alternating": (max(1, rules // 200), list(_interleaved(size // 5, lambda place: float(place % 2)))),
        "single": (max(1, rules // 200), [_single(place) for place in range(size // 10)]),
    }
    samples = interleave(
        {
            **{f"many {name}": _timed(*case) for name, case in many.items()},
            **{f"few {name}": _timed(*case) for name, case in few.items()},
            "held": lambda: max(_held(*case)() for case in many.values()),
        },
        options,
    )
    return [
        Goal("P19", f"{name} readings out of order: many / few", "ns", 1.5, "at most").judge(
            samples[f"many {name}"], samples[f"few {name}"]
        )
        for name in many
    ] + [HOLD.judge(samples["held"])]


def _interleaved(size: int, value: Callable[[int], float]) -> Iterator[Batch]:
    """Yield batches of which each falls among the newest readings of those before it."""
    low, high, inside = 0, 40_000_000, size * 2 // 5
    for number in range(BATCHES):
        times = [low + (high - low) * place // size + number for place in range(size)]
        yield times, [value(place) for place in range(size)]
        low = high - (high - low) * inside // (size if number == 0 else size + inside)


def _single(place: int) -> Batch:
    """Return one reading; every second one comes before the one that came last."""
    return [place * 1_000 - 1_500 * (place % 2)], [float(place // 2 % 2)]


def _timed(rules: int, batches: list[Batch]) -> Callable[[], float]:
    """Return what gives nanoseconds for one reading and rule."""

    def measure() -> float:
        began = time.perf_counter()
        asyncio.run(_evaluate(rules, batches))
        readings = sum(len(times) for times, _ in batches)
        return (time.perf_counter() - began) / (rules * readings) * 1e9

    return measure


def _held(rules: int, batches: list[Batch]) -> Callable[[], float]:
    """Return what gives the milliseconds of processor time that the event loop is held at most."""

    async def measure() -> float:
        longest, is_over = 0.0, False

        async def watch() -> None:
            nonlocal longest
            while not is_over:
                began = time.thread_time()
                await asyncio.sleep(0)
                longest = max(longest, time.thread_time() - began)

        watching = asyncio.create_task(watch())
        await _evaluate(rules, batches)
        is_over = True
        await watching
        return longest * 1e3

    return lambda: asyncio.run(measure())


async def _evaluate(rules: int, batches: list[Batch]) -> None:
    """Evaluate batches of one series by so many rules, as the worker does."""
    watch, turns = FactoryWatch(1, 0, {KEY: WatchedSeries(*KEY)}), Turns()
    for number in range(rules):
        names = (
            UUID(int=number + 1),
            1,
            "r",
            "threshold",
            *KEY,
            ">",
            0.5,
            0.0,
            0.0,
            LATENESS,
            3,
            "equipment",
        )
        rule = StoredRule(*names, KEY[0], 0, 0, 0, *([None] * 8))
        watch.series[KEY].rules.append(Watched.of(UUID(int=0), rule, first_seq=1))
    for seq, (times, values) in enumerate(batches, start=1):
        budget = Budget()
        readings = Readings(seq, LATER, (SeriesInput(KEY, times, values),))
        await turns.drive(step(watch, [readings], budget), budget)
        watch.series[KEY].collect(EvaluationChanges(), first=seq, last=seq, clock=watch.clock)
