"""Lets the evaluations of several factories take turns, so that the event loop is never held for long."""

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar

from incident_event.rules.evaluation import Budget

TURN_SECONDS = 0.01

Result = TypeVar("Result")


class Turns:
    """One evaluation at a time has its turn of 10 ms; between two turns everything else runs."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def drive(self, steps: Generator[None, None, Result], budget: Budget) -> Result:
        """Run a generator to its end, turn by turn; return what it returns.

        Raises:
            OverBudgetError: it takes more than its budget.
        """
        while True:
            async with self._lock:  # the first that waits is the next
                ends = time.perf_counter() + TURN_SECONDS
                budget.resume()
                try:
                    while time.perf_counter() < ends:
                        next(steps)
                except StopIteration as done:
                    result: Result = done.value
                    return result
                finally:
                    budget.pause()
            budget.check()
            await asyncio.sleep(0)
