"""Ends tasks that were asked to end, also where a library has lost the request."""

import asyncio


def heed_cancellation() -> None:
    """Raise CancelledError if the current task was asked to end; for the head of every endless loop.

    Drivers clean up when they are cancelled, and an error of that clean-up takes the place of the
    cancellation (redis-py 8.1 does so while it connects): who waits for the end would wait for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
