"""uvicorn's HTTP protocol with the limits that it lacks, on what a client may send, hold and leave unread."""

import asyncio
import os
import sys
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from utils.errors import ServiceError
from utils.lifecycle import CROWDED_SCOPE_KEY, HELD_SCOPE_KEY, RECEIVED, HeldBytes
from utils.logging import logger, request_id_var
from utils.serving.connections import CONNECTIONS, CUT

HEAD_SECONDS: Final = 10.0
"""How long a request line and its headers may take, from the first byte or, for the first request, from the
connection on."""

DRAIN_SECONDS: Final = 30.0
"""How long the rest of a body may take after the request has been answered."""

LINGER_SECONDS: Final = 30.0
"""How long a client may go on sending after the last answer of its connection."""

UNREAD_SECONDS: Final = 60.0
"""How long a client may leave an answer unread."""

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 128
MAX_TRAILER_FIELDS: Final = 32
MAX_TRAILER_BYTES: Final = 8 * 1024

MAX_FRAMING_BYTES: Final = 16 * 1024
"""How many bytes of a chunked body may follow each other without content: trailers, extensions of chunks."""

MAX_PIPELINED: Final = 16
"""How many requests of one connection may wait for the one before them."""

_HEAD_TOO_LARGE: Final = (
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"A request's head may hold at most {MAX_FIELDS} fields and {MAX_HEAD_BYTES} bytes.",
)
_TRAILERS_TOO_LARGE: Final = (
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"A body's trailers may hold at most {MAX_TRAILER_FIELDS} fields and {MAX_TRAILER_BYTES} bytes.",
)
_SPARED_HEAD_BYTES: Final = 8 * 1024


class _RefusedError(Exception):
    """The request cannot be served; raised within the parser's callbacks."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class _Transport:
    """The connection's transport as uvicorn uses it; to close it is the protocol's affair."""

    __slots__ = ("_protocol", "_transport", "get_extra_info", "pause_reading", "resume_reading", "write")

    def __init__(self, transport: asyncio.Transport, protocol: "BoundedProtocol") -> None:
        self._transport = transport
        self._protocol = protocol
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.write = transport.write

    def is_closing(self) -> bool:
        return self._protocol.ends or self._transport.is_closing()

    def close(self) -> None:
        self._protocol.end()


class BoundedProtocol(HttpToolsProtocol):
    """Bounds heads, trailers, pipelining and unread answers, and closes so that the last answer arrives.

    The bodies that an endpoint reads are limited by `utils.http.exchange`.
    """

    ends = False
    """Whether no further request of this connection is served."""

    _in_head = True
    _in_body = False
    _head_bytes = 0
    _trailer_bytes = 0
    _trailer_fields = 0
    _framing_bytes = 0
    _has_moved = False
    _is_guest = False
    _is_chunked = False
    _linger_until = 0.0
    _refusal: tuple[HTTPStatus, str] | None = None
    _running: RequestResponseCycle | None = None
    _timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None
    _head: HeldBytes | None = None
    _socket: asyncio.Transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, and start the timer for the first request's head."""
        self._socket = transport
        super().connection_made(_Transport(transport, self))  # type: ignore[arg-type]
        CONNECTIONS.add(self)
        self._is_guest = CONNECTIONS.is_crowded
        self._arm(HEAD_SECONDS, self._cut_slow_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers, and release what requests hold that have not begun."""
        self.ends = True
        CONNECTIONS.remove(self)
        self._disarm()
        self._disarm_unread()
        self._release_head()
        for cycle, _ in self.pipeline:
            _release(cycle)
        self._disconnect()
        super().connection_lost(exc)

    def cut(self, reason: str) -> None:
        """Close the connection at once; what the client has not read yet is lost."""
        CUT.labels(reason).inc()
        CONNECTIONS.remove(self)
        self.ends = True
        self._disconnect()
        self._socket.abort()

    def end(self) -> None:
        """Close the connection; first throw away what the client still sends, so that it sees its answer.

        A socket closed with unread bytes is reset, and the reset overtakes the answer.
        """
        if self.ends:
            return
        self.ends = True
        unfinished = self.cycle is not None and self.cycle.more_body
        if (unfinished or self._refusal is not None or self.pipeline) and not self._socket.is_closing():
            self._linger_until = self.loop.time() + LINGER_SECONDS
            self._disarm()
            self._arm(LINGER_SECONDS, self._socket.close)
            if self._socket.can_write_eof():
                self._socket.write_eof()
            self._socket.resume_reading()
            CONNECTIONS.idle(self)
        else:
            self._socket.close()
        if self._socket.get_write_buffer_size():
            self._arm_unread()

    def shutdown(self) -> None:
        """Finish the request in progress, or close; called when the server stops."""
        if self._linger_until:
            self._socket.close()
        super().shutdown()

    def pause_writing(self) -> None:
        """Start a timer: the client does not read its answer."""
        super().pause_writing()
        self._arm_unread()

    def resume_writing(self) -> None:
        """Stop the timer of the unread answer."""
        super().resume_writing()
        self._disarm_unread()

    def data_received(self, data: bytes) -> None:
        """Parse, and bound what is neither a body nor a complete head."""
        if self.ends or self._refusal is not None:
            return
        self._has_moved = False
        super().data_received(data)
        if self._in_head:
            self._bound_head(len(data))
        elif self._in_body and not self._has_moved:
            self._framing_bytes += len(data)
            if self._framing_bytes > MAX_FRAMING_BYTES:
                self._refuse(*_TRAILERS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Start counting a new head."""
        if len(self.pipeline) >= MAX_PIPELINED:
            detail = f"At most {MAX_PIPELINED} requests of a connection may wait for the one before them."
            raise _RefusedError(HTTPStatus.TOO_MANY_REQUESTS, detail)
        self._in_head, self._head_bytes = True, 0
        self._is_chunked = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a field to the request's head; count the fields of trailers and drop them."""
        if not self._in_head:
            self._count_trailer(len(name) + len(value))
            return
        name = name.lower()
        self.headers.append((name, value))
        if name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked" or self._is_chunked:
                raise _RefusedError(HTTPStatus.BAD_REQUEST, "Transfer-Encoding may only be `chunked`.")
            self._is_chunked = True

    def on_headers_complete(self) -> None:
        """Stop the head's timer, and start the request."""
        if len(self.headers) > MAX_FIELDS:
            raise _RefusedError(*_HEAD_TOO_LARGE)
        if self._is_chunked and self.parser.get_http_version() == "1.0":
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding.")
        self._in_head, self._in_body = False, True
        self._trailer_bytes = self._trailer_fields = self._framing_bytes = 0
        self._disarm()
        if self._head is not None:
            self._release_head()
        if self._is_guest:
            self._is_guest = CONNECTIONS.is_crowded
            self.scope[CROWDED_SCOPE_KEY] = self._is_guest  # type: ignore[typeddict-unknown-key]
        CONNECTIONS.busy(self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hold a part of a body if the process has room for it; if not, the exchange refuses the request."""
        self._has_moved = True
        self._framing_bytes = 0
        cycle = self.cycle
        if cycle.response_complete:
            return
        held: HeldBytes | None = cycle.scope.get(HELD_SCOPE_KEY)  # type: ignore[assignment]
        if held is None:
            held = cycle.scope[HELD_SCOPE_KEY] = HeldBytes(RECEIVED)  # type: ignore[typeddict-unknown-key]
        if held.take(len(body)):
            super().on_body(body)
        else:
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        """Stop the body's timer."""
        self._in_body = False
        self._disarm()
        super().on_message_complete()
        self.cycle.more_body = False

    def on_response_complete(self) -> None:
        """Go on with the next request, or refuse what followed the last one; bound the rest of its body."""
        if self._running is not None:
            _release(self._running)
        super().on_response_complete()
        if self.ends or (self._running is not None and not self._running.response_complete):
            return
        CONNECTIONS.idle(self)
        if self._refusal is not None:
            self._answer_refusal()
        elif self.cycle.more_body and self._timer is None:
            self._arm(DRAIN_SECONDS, self._cut_slow_body)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; uvicorn calls this when its parser fails."""
        error = sys.exception()
        cause = error and (error.__context__ or error)
        if isinstance(cause, _RefusedError):
            self._refuse(cause.status, cause.detail)
        else:
            reason = str(cause)[:200] or msg
            self._refuse(HTTPStatus.BAD_REQUEST, f"This is not an HTTP/1.1 request: {reason}.")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        self._running = cycle
        super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

    def _bound_head(self, size: int) -> None:
        """Count the bytes of a head; start a timer if it is incomplete, which is rare."""
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers or ()) > MAX_FIELDS:
            self._refuse(*_HEAD_TOO_LARGE)
            return
        if self._timer is None:
            self._arm(HEAD_SECONDS, self._cut_slow_head)
        if self._head_bytes > _SPARED_HEAD_BYTES:
            self._head = self._head or HeldBytes(RECEIVED)
            if not self._head.take(size):
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Too many requests are being received.")

    def _count_trailer(self, size: int) -> None:
        self._trailer_fields += 1
        self._trailer_bytes += size
        if self._trailer_fields > MAX_TRAILER_FIELDS or self._trailer_bytes > MAX_TRAILER_BYTES:
            raise _RefusedError(*_TRAILERS_TOO_LARGE)

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Serve nothing that follows; answer so as soon as the requests before have been answered."""
        if self.ends or self._refusal is not None:
            return
        self._refusal = (status, detail)
        self._disarm()
        self._give_up_incomplete()
        running = self._running
        if running is None or running.response_complete or running.disconnected:
            self._answer_refusal()
        elif running.response_started:  # perhaps a stream, which does not end by itself
            self.ends = True
            self._disconnect()
            self._socket.close()

    def _give_up_incomplete(self) -> None:
        """Let the newest request see a disconnected client if its body will never be complete."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.more_body or not self._in_body:
            return
        cycle.disconnected = True
        cycle.message_event.set()
        waiting = [entry for entry in self.pipeline if entry[0] is not cycle]
        if len(waiting) < len(self.pipeline):
            self.pipeline.clear()
            self.pipeline.extend(waiting)
            _release(cycle)

    def _answer_refusal(self) -> None:
        """Answer that the rest is refused, unless an answer is half sent, and close."""
        running = self._running
        is_half_sent = running is not None and running.response_started and not running.response_complete
        if self._refusal is not None and not is_half_sent:
            self._socket.write(_problem(*self._refusal))
        self.end()

    def _disconnect(self) -> None:
        """Let the request in progress see that its client has gone; uvicorn tells only the newest one."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def _release_head(self) -> None:
        if self._head is not None:
            self._head.release()
            self._head = None

    def _arm(self, seconds: float, late: Any) -> None:
        self._timer = self.loop.call_later(seconds, late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm_unread(self) -> None:
        self._disarm_unread()
        unread = self._socket.get_write_buffer_size()
        self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self._cut_unread, unread)

    def _disarm_unread(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _cut_unread(self, unread: int) -> None:
        """Cut the connection if the client has read nothing since it left so much unread."""
        if self._socket.get_write_buffer_size() >= unread:
            self.cut("unread_answer")
        else:
            self._arm_unread()

    def _cut_slow_head(self) -> None:
        self._timer = None
        running = self._running
        if running is not None and not running.response_complete:
            self._arm(HEAD_SECONDS, self._cut_slow_head)  # the request before is answered first
            return
        CUT.labels("slow_head").inc()
        self.ends = True
        self._socket.close()
        if self._socket.get_write_buffer_size():
            self._arm_unread()

    def _cut_slow_body(self) -> None:
        self._timer = None
        self.cut("slow_body")


def _release(cycle: RequestResponseCycle) -> None:
    """Release what a request holds."""
    held: HeldBytes | None = cycle.scope.get(HELD_SCOPE_KEY)  # type: ignore[assignment]
    if held is not None:
        held.release()


def _problem(status: HTTPStatus, detail: str) -> bytes:
    """Return a whole answer, as `utils.http.problems` writes it: the application never sees this request."""
    request_id = os.urandom(16).hex()
    body = orjson.dumps(ServiceError.of_status(status, detail).problem("", request_id))
    before = request_id_var.set(request_id)
    logger.info("Refused a malformed request", extra={"status": status.value, "detail": detail})
    request_id_var.reset(before)
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "content-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n"
        f"x-request-id: {request_id}\r\n"
        "x-content-type-options: nosniff\r\n"
        "cache-control: no-store\r\n"
        "connection: close\r\n\r\n"
    ).encode("ascii") + body
