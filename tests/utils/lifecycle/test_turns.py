"""A long computation in steps leaves room for other tasks, and ends as it would alone."""

import asyncio
import time
from collections.abc import Generator

import pytest

from utils.lifecycle import spread
from utils.lifecycle.turns import PIECE_SECONDS


def work(seconds: float) -> Generator[None, None, str]:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        yield
    return "done"


async def test_other_tasks_run_in_between() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    assert await spread(work(PIECE_SECONDS * 5)) == "done"
    counting.cancel()
    assert turns >= 2


async def test_an_error_of_a_step_is_raised() -> None:
    def fail() -> Generator[None, None, None]:
        yield
        raise LookupError

    with pytest.raises(LookupError):
        await spread(fail())


async def test_it_can_be_cancelled() -> None:
    task = asyncio.create_task(spread(work(3600)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
