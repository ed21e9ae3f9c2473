"""The state of a process: started or not, draining or not."""

import asyncio


class Lifecycle:
    """The state of one app. `draining` turns true first; streams end when `wait_draining()` returns."""

    def __init__(self) -> None:
        self.draining = False
        self.started = asyncio.Event()
        self._streams_end = asyncio.Event()

    def begin_drain(self, *, streams_end_after: float = 0) -> None:
        """Turn not ready at once, and end the streams after `streams_end_after` seconds.

        Call it in the event loop.
        """
        self.draining = True
        if streams_end_after > 0:
            asyncio.get_running_loop().call_later(streams_end_after, self._streams_end.set)
        else:
            self._streams_end.set()

    async def wait_draining(self) -> None:
        """Wait until streams must end: late enough that no client reconnects to this draining process."""
        await self._streams_end.wait()
