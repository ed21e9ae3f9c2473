"""Keeps background tasks running as long as their process: restarts those that fail or return."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from prometheus_client import Counter

from utils.logging import logger

RESTARTS: Final = Counter(
    "vfactory_task_restarts_total",
    "Restarts of background tasks that failed or returned.",
    ["task"],
)


class Backoff:
    """How long to wait before the next attempt, in seconds."""

    def __init__(self, first: float, longest: float, healthy_after: float) -> None:
        self._first = first
        self._longest = longest
        self._healthy_after = healthy_after
        self._next = first

    def after(self, lasted: float) -> float:
        """Return the delay after an attempt of `lasted` seconds: twice the last delay, up to the longest.

        After an attempt of at least `healthy_after` seconds it is the first delay again.
        """
        delay = self._first if lasted >= self._healthy_after else self._next
        self._next = min(delay * 2, self._longest)
        return delay


async def supervise(
    name: str,
    run: Callable[[], Awaitable[None]],
    *,
    first_delay: float = 0.5,
    longest_delay: float = 30.0,
    healthy_after: float = 60.0,
    is_outage: Callable[[Exception], bool] = lambda _: False,
) -> None:
    """Run a task until this coroutine is cancelled: restart it whenever it fails or returns.

    The delay before a restart doubles from `first_delay` to `longest_delay` (seconds) and starts over after a
    run of at least `healthy_after` seconds. Each delay is shortened at random by up to half, so that many
    processes do not restart at once. A failure for which `is_outage` returns true (a dependency is away) is
    logged as a WARNING, any other as an ERROR with its traceback.
    """
    restarts = RESTARTS.labels(task=name)
    backoff = Backoff(first_delay, longest_delay, healthy_after)
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        await _run_once(name, run, is_outage)
        delay = backoff.after(clock() - began)
        await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing
        restarts.inc()


async def _run_once(
    name: str, run: Callable[[], Awaitable[None]], is_outage: Callable[[Exception], bool]
) -> None:
    try:
        await run()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        logger.exception("Background task was cancelled from inside: starting it again", extra={"task": name})
    except Exception as error:  # noqa: BLE001 - the task is restarted after any failure
        if is_outage(error):
            logger.warning(
                "Background task waits for what it needs", extra={"task": name, "error": type(error).__name__}
            )
        else:
            logger.exception("Background task failed: starting it again", extra={"task": name})
    else:
        logger.warning("Background task returned: starting it again", extra={"task": name})
