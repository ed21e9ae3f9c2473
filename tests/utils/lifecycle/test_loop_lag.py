"""The event loop's lag is the longest time for which something kept it."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from utils.lifecycle import LoopLag, loop_lag


@pytest.fixture
def lag(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopLag]:
    """One that looks often and remembers little."""
    monkeypatch.setattr(loop_lag, "STEP_SECONDS", 0.02)
    monkeypatch.setattr(loop_lag, "REMEMBERED_STEPS", 10)
    lag = LoopLag()
    yield lag
    lag.stop()


async def test_a_pause_is_seen_with_its_length_and_later_forgotten(lag: LoopLag) -> None:
    lag.start()
    assert lag.worst() == 0
    await asyncio.sleep(0.05)
    time.sleep(0.5)  # noqa: ASYNC251 - this is the pause
    await asyncio.sleep(0.05)
    assert lag.worst() >= 0.45
    await asyncio.sleep(0.5)
    assert lag.worst() < 0.45


async def test_the_figure_is_in_the_metrics(lag: LoopLag) -> None:
    lag.start()
    await asyncio.sleep(0.05)
    time.sleep(0.2)  # noqa: ASYNC251 - this is the pause
    await asyncio.sleep(0.05)
    [metric] = loop_lag.LAG.collect()
    assert metric.samples[0].value == lag.worst() >= 0.15
