"""Sends a content, or a range of it, at the client's pace."""

import asyncio
from collections.abc import Mapping
from typing import BinaryIO, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from asset_management.content.ranges import ByteRange
from asset_management.content.store import ContentStore
from utils.logging import logger

_BLOCK_BYTES: Final = 256 * 1024


class ContentResponse(Response):
    """An answer with bytes read from the store block by block, at most 256 KiB in memory."""

    def __init__(
        self,
        store: ContentStore,
        file: BinaryIO,
        part: ByteRange,
        *,
        status_code: int,
        headers: Mapping[str, str],
        media_type: str,
    ) -> None:
        super().__init__(None, status_code, headers, media_type)
        self.headers["Content-Length"] = str(part.length)
        self._store = store
        self._file = file
        self._part = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and the bytes until all are sent or the client disconnects; then close the file.

        Raises:
            EOFError: the file is shorter than it was when it was opened.
        """
        with self._file:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            # The disconnect must be listened for: the server silently drops what is sent to a closed
            # connection.
            gone = asyncio.create_task(_disconnect(receive), name="content-disconnect")
            try:
                await self._send_bytes(send, gone)
            finally:
                gone.cancel()

    async def _send_bytes(self, send: Send, gone: asyncio.Task[None]) -> None:
        offset, end = self._part.first, self._part.last + 1
        while offset < end and not gone.done():
            block = await self._store.read(self._file, offset, min(_BLOCK_BYTES, end - offset))
            if not block:
                # The head is sent: break off the connection, so that the client sees that the content is
                # incomplete.
                logger.error("A content ended while it was sent", extra={"offset": offset, "expected": end})
                raise EOFError("the content is shorter than it was when it was opened")
            offset += len(block)
            await send({"type": "http.response.body", "body": block, "more_body": offset < end})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
