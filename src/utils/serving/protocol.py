"""uvicorn's HTTP protocol with the limits it lacks: on a request's head, and on a body that is not read."""

import asyncio
import os
import sys
from http import HTTPStatus
from typing import Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from utils.errors import ServiceError
from utils.logging import logger

HEAD_SECONDS: Final = 10.0
"""How long a request line and its headers may take, from the first byte or, for the first request, from the
connection on."""

DRAIN_SECONDS: Final = 30.0
"""How long the rest of a body may take after the request has been answered."""

MAX_HEAD_BYTES: Final = 64 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request's head is too slow or too long, or whose unread body is too slow.

    Bodies that an endpoint reads are limited by `utils.http.exchange`.
    """

    _in_head = True
    _head_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first request's head."""
        super().connection_made(transport)
        self._arm(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a head; start a timer if it is incomplete, which is rare."""
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            detail = f"A request's head may hold at most {MAX_HEAD_BYTES} bytes."
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
        elif self._timer is None:
            self._arm(HEAD_SECONDS)

    def on_message_begin(self) -> None:
        """Start counting a new head."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop the head's timer."""
        self._in_head = False
        self._disarm()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the body's timer."""
        self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start a timer for the rest of a body that no endpoint has read."""
        if self.cycle is not None and self.cycle.more_body and self._timer is None:
            self._arm(DRAIN_SECONDS)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 to bytes that are not HTTP; uvicorn calls this when its parser fails."""
        error = sys.exception()
        reason = str(error and (error.__context__ or error))[:200] or msg
        self._refuse(HTTPStatus.BAD_REQUEST, f"This is not an HTTP/1.1 request: {reason}.")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Close the connection, after a problem document unless an answer is half sent."""
        answering = self.cycle is not None and self.cycle.response_started
        if not (answering and not self.cycle.response_complete):
            self.transport.write(_problem(status, detail))
        self.transport.close()

    def _arm(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        self.transport.close()


def _problem(status: HTTPStatus, detail: str) -> bytes:
    """Return a whole answer, as `utils.http.problems` writes it: the application never sees this request."""
    request_id = os.urandom(16).hex()
    body = orjson.dumps(ServiceError.of_status(status, detail).problem("", request_id))
    logger.info(
        "Refused a malformed request",
        extra={"status": status.value, "detail": detail, "request_id": request_id},
    )
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "content-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n"
        f"x-request-id: {request_id}\r\n"
        "x-content-type-options: nosniff\r\n"
        "cache-control: no-store\r\n"
        "connection: close\r\n\r\n"
    ).encode("ascii") + body
