# ruff: noqa: INP001 - a script, not a package
"""Makes `pump-test-bench.csv`: twenty minutes of a pump at 1 Hz, with a rotor imbalance in the middle.

No plant measured these numbers: they come from a seed, and the same seed gives the same file, byte for byte.
The bench is modelled after the public one of the Skoltech Anomaly Benchmark (https://github.com/waico/SKAB):
the same quantities, the same notation; none of its data.
"""

import math
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED = 20260115
START = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
LENGTH_SECONDS = 1200
KNOCK = range(200, 203)
"""Seconds of a short knock: above the alarm limit, but too short to be a fault."""
IMBALANCE = range(600, 1020)
"""Seconds in which the rotor is out of balance (labelled `fault` = 1)."""
METRICS = (
    "Accelerometer1RMS",
    "Accelerometer2RMS",
    "Current",
    "Pressure",
    "Temperature",
    "Thermocouple",
    "Voltage",
    "Volume Flow RateRMS",
)


class Bench:
    """The test bench: a pump drives water round a loop."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a model of noise, nothing secret
        self._warmth = 0.0

    def measure(self, second: int) -> tuple[float, ...]:
        """Return one value per metric: g, g, A, bar, °C, °C, V, l/min."""
        imbalance = self._imbalance(second)
        self._warmth += (0.35 + 1.5 * imbalance - self._warmth) / 400
        return (
            0.213 + 0.48 * imbalance + self._noise(0.004 + 0.03 * imbalance),
            0.267 + 0.31 * imbalance + self._noise(0.005 + 0.02 * imbalance),
            2.45 + 0.9 * imbalance + self._noise(0.22),
            0.27 + self._noise(0.2),
            89.1 + 2.0 * self._warmth + self._noise(0.1),
            29.3 + 1.2 * self._warmth + self._noise(0.01),
            229.0 + self._noise(6.5),
            125.5 - 6.0 * imbalance + self._noise(0.35),
        )

    def _imbalance(self, second: int) -> float:
        """Share of the full imbalance: at once in a knock, growing within seconds in the fault."""
        if second in KNOCK:
            return 0.9
        if second not in IMBALANCE:
            return 0.0
        since, left = second - IMBALANCE.start, IMBALANCE.stop - second
        return min(1.0, 0.35 + since / 10, 0.35 + left / 5)

    def _noise(self, deviation: float) -> float:
        # Box-Muller over `random()`, the only method whose numbers Python promises to keep.
        radius = math.sqrt(-2 * math.log(1 - self._random.random()))
        return deviation * radius * math.cos(2 * math.pi * self._random.random())


def lines(seed: int = SEED) -> Iterator[str]:
    """Yield the file's lines, the header first."""
    yield ";".join(("datetime", *METRICS, "fault"))
    bench = Bench(seed)
    for second in range(LENGTH_SECONDS):
        at = f"{START + timedelta(seconds=second):%Y-%m-%d %H:%M:%S}"
        values = (f"{value:.6g}" for value in bench.measure(second))
        yield ";".join((at, *values, str(float(second in IMBALANCE))))


def main() -> None:
    """Write the recording to the path given, or beside this script."""
    here = Path(__file__).with_name("pump-test-bench.csv")
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else here
    path.write_text("\n".join(lines()) + "\n")


if __name__ == "__main__":
    main()
