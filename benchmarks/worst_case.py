"""P19: what the worst batches cost that the limits allow: many rules on one series, readings out of order."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.harness import Goal, Options, Result, interleave
from incident_event.rules.kinds.threshold import Operator, Threshold
from incident_event.rules.series import SeriesWindow
from incident_event.rules.window import Bound, Window

BOUND: Final = Bound(lateness=60_000_000)
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
        },
        options,
    )
    return [
        Goal("P19", f"{name} readings out of order: many / few", "ns", 1.5, "at most").judge(
            samples[f"many {name}"], samples[f"few {name}"]
        )
        for name in many
    ]


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
    threshold = Threshold(Operator.ABOVE, 0.5)

    def measure() -> float:
        series, windows = SeriesWindow(), [Window() for _ in range(rules)]
        began = time.perf_counter()
        for seq, batch in enumerate(batches):
            _evaluate(series, windows, threshold, batch, seq)
        readings = sum(len(times) for times, _ in batches)
        return (time.perf_counter() - began) / (rules * readings) * 1e9

    return measure


def _evaluate(
    series: SeriesWindow, windows: list[Window], threshold: Threshold, batch: Batch, seq: int
) -> None:
    """Evaluate one batch by every rule, as the worker does."""
    change = series.plan(*batch, seq, floor=_floor(windows))
    evaluated = [window.accept(threshold, change).evaluated for window in windows]
    series.apply(change)
    for window, count in zip(windows, evaluated, strict=True):
        if count:
            window.advance(threshold, BOUND, series, clock=LATER)
    gone = series.forget(_floor(windows) or 0)
    for window in windows:
        window.forget(gone)


def _floor(windows: list[Window]) -> int | None:
    floors = [window.floor for window in windows if window.floor is not None]
    return min(floors) if len(floors) == len(windows) else None
