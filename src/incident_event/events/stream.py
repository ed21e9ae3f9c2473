"""Server-sent events on one connection: formats, sends, and ends the stream when it must end."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from incident_event.events.metrics import SSE_CLIENTS, SSE_ENDED, SSE_EVENTS_SENT
from utils.lifecycle import Lifecycle
from utils.streams import FeedItem, Heartbeat, Reset

RETRY_MILLISECONDS: Final = 2000
HEADERS: Final = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}


class SlowClientError(Exception):
    """The client has left what was sent to it unread for too long."""


def opening(*, is_resumed: bool) -> bytes:
    """Write what a stream begins with: how soon to come back after a break."""
    return b"retry: %d\n%s\n" % (RETRY_MILLISECONDS, b": resumes\n" if is_resumed else b"")


def position(seq: int) -> bytes:
    """Write after which event a live stream begins, so that it can be resumed before the first one."""
    return b"id: %d\n: live after %d\n\n" % (seq, seq)


def reset(seq: int) -> bytes:
    """Write that events are missing: the client must read the state anew; the stream goes on after `seq`."""
    return b'id: %d\nevent: reset\ndata: {"seq":%d}\n\n' % (seq, seq)


def heartbeat(seq: int | None) -> bytes:
    """Write that the stream lives; under a filter also where it stands, so that resuming skips the rest."""
    return b": heartbeat\n\n" if seq is None else b"id: %d\n: heartbeat\n\n" % seq


class EventStream(Response):
    """One client's stream. It holds no database session; what it sends comes from the process's one feed."""

    def __init__(
        self,
        items: AsyncGenerator[FeedItem, None],
        *,
        types: Collection[str] | None,
        is_resumed: bool,
        lifecycle: Lifecycle,
        seconds_left: float | None,
        slow_after: float,
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._items = items
        self._types = types
        self._is_resumed = is_resumed
        self._lifecycle = lifecycle
        self._seconds_left = seconds_left
        self._slow_after = slow_after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send until the client leaves or is too slow, its token expires, or the process drains."""
        SSE_CLIENTS.inc()
        reason = "client"
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            reason = await self._run(receive, send)
        finally:
            SSE_CLIENTS.dec()
            SSE_ENDED.labels(reason).inc()

    async def _run(self, receive: Receive, send: Send) -> str:
        pump = asyncio.ensure_future(self._pump(send))
        gone = asyncio.ensure_future(_wait_disconnect(receive))
        drain = asyncio.ensure_future(self._lifecycle.wait_draining())
        ends: dict[asyncio.Future[None], str] = {gone: "client", drain: "drain", pump: "slow"}
        try:
            await asyncio.wait(ends, timeout=self._seconds_left, return_when=asyncio.FIRST_COMPLETED)
            reason = next((why for task, why in ends.items() if task.done()), "expired")
        finally:
            for task in ends:
                task.cancel()
            outcomes = await asyncio.gather(*ends, return_exceptions=True)
        failure = outcomes[2]
        if isinstance(failure, Exception) and not isinstance(failure, SlowClientError | OSError):
            raise failure
        if reason != "client" and not isinstance(failure, Exception):
            with contextlib.suppress(SlowClientError, OSError):
                await self._send(send, b"", more=False)
        return reason

    async def _pump(self, send: Send) -> None:
        async with contextlib.aclosing(self._items):
            await self._send(send, opening(is_resumed=self._is_resumed))
            if not self._is_resumed:
                await self._tell_position(send)
            async for item in self._items:
                frame = self._frame(item)
                if frame:
                    await self._send(send, frame)

    async def _tell_position(self, send: Send) -> None:
        """Wait until the feed knows where it stands, and tell it: from there the client can resume."""
        async for item in self._items:
            seq = item.seq
            if seq is not None:
                await self._send(send, position(seq))
                return
            await self._send(send, heartbeat(None))

    def _frame(self, item: FeedItem) -> bytes:
        if isinstance(item, Heartbeat):
            return heartbeat(item.seq if self._types is not None else None)
        if isinstance(item, Reset):
            return reset(item.seq)
        if self._types is not None and item.type not in self._types:
            return b""
        SSE_EVENTS_SENT.inc()
        return item.sse

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        try:
            async with asyncio.timeout(self._slow_after):
                await send({"type": "http.response.body", "body": body, "more_body": more})
        except TimeoutError as error:
            raise SlowClientError from error


async def _wait_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
