"""Ways to wait for what a test has set off; the bounds only end a hopeless test."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

PATIENCE_SECONDS = 90.0


def wait_for(
    condition: Callable[[], object],
    what: str = "the condition holds",
    *,
    seconds: float = PATIENCE_SECONDS,
    pause: float = 0.05,
) -> None:
    """Block until the condition holds; the test fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(pause)


async def wait_until(
    condition: Callable[[], object | Awaitable[object]],
    what: str = "the condition holds",
    *,
    seconds: float = PATIENCE_SECONDS,
    pause: float = 0.02,
) -> None:
    """Wait until the condition holds, without holding up the loop; it may have to be awaited itself."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if await answer if inspect.isawaitable(answer) else answer:
            return
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        await asyncio.sleep(pause)
