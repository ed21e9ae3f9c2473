"""Where a process stands between its start and its end."""

import asyncio


class Lifecycle:
    """One per app. `draining` turns true first; streams end later, when `wait_draining()` returns."""

    def __init__(self) -> None:
        self.draining = False
        self.started = asyncio.Event()
        self._streams_end = asyncio.Event()

    def begin_drain(self, *, streams_end_after: float = 0) -> None:
        """Answer "not ready" from now on and end the streams after so many seconds. Call it in the loop."""
        self.draining = True
        if streams_end_after > 0:
            asyncio.get_running_loop().call_later(streams_end_after, self._streams_end.set)
        else:
            self._streams_end.set()

    async def wait_draining(self) -> None:
        """Return when streams must end, so that no client is sent back to a process that is still listed."""
        await self._streams_end.wait()
