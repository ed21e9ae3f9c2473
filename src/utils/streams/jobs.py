"""Endless jobs that are started one by one and end together: when one fails, or when they are stopped."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Jobs:
    """A task group whose members may start others at any moment, also while the group ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a job beside the others and return its task, which may be cancelled alone."""
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)
        return task

    async def first_failure(self) -> None:
        """Wait until a job fails.

        Raises:
            Exception: what the job raised.
        """
        await self._failure

    async def end(self) -> None:
        """Cancel all jobs and wait until they have ended."""
        self._failure.cancel()
        while self._tasks:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.difference_update(tasks)

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not self._failure.done():
            self._failure.set_exception(error)
