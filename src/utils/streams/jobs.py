"""Endless jobs that start one by one and end together, because one has failed or none is wanted any more."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Jobs:
    """Like a task group whose members may start others at any moment, also while it ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a job beside the others; it may be cancelled alone."""
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)
        return task

    async def first_failure(self) -> None:
        """Wait until a job fails, and raise what it raised."""
        await self._failure

    async def end(self) -> None:
        """Cancel all jobs and wait for their ends."""
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
