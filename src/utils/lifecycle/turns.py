"""Long computations beside a responsive event loop: done in steps, with other tasks in between."""

import asyncio
import time
from collections.abc import Generator
from typing import Final, TypeVar

from utils.lifecycle.cancellation import heed_cancellation

PIECE_SECONDS: Final = 0.01

_Result = TypeVar("_Result")


async def spread(steps: Generator[None, None, _Result]) -> _Result:
    """Run the steps to their result; let other tasks run whenever 10 ms have passed.

    Each step must itself take much less than that.
    """
    due = time.perf_counter() + PIECE_SECONDS
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _Result = end.value
            return result
        if time.perf_counter() >= due:
            heed_cancellation()
            await asyncio.sleep(0)
            due = time.perf_counter() + PIECE_SECONDS
