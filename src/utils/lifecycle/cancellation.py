"""Ends cancelled tasks, also where a library has swallowed the cancellation."""

import asyncio


def heed_cancellation() -> None:
    """End the current task if it was cancelled; called at the head of every endless loop.

    A driver cleans up when it is cancelled, and an error of that clean-up replaces the cancellation (redis-py
    8.1 does so while it connects): the loop would go on, and its canceller would wait for ever.

    Raises:
        CancelledError: the task was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
