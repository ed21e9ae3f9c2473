"""One HTTP exchange: counts the bytes received and sent, and enforces the limits of the body."""

import asyncio
import os
import re
from typing import Any, Final

from prometheus_client import Counter
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from utils.errors import RequestTimeoutError, ServiceError, TooLargeError, UnsupportedMediaError
from utils.http.routes import RouteTable
from utils.tracing import TRACE_PARENT

BODY_SECONDS: Final = 30.0
"""How long a body may take, plus one second for every `BODY_BYTES_PER_SECOND` received."""

BODY_BYTES_PER_SECOND: Final = 16 * 1024

DRAIN_BYTES: Final = 16 * 1024 * 1024
"""A refused body up to this length is read to its end, so that the client sees the answer."""

SCOPE_KEY: Final = "vfactory.exchange"

SSE_SENT = Counter("vfactory_sse_sent_bytes", "Bytes sent on event streams, open ones included")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACE_PARENT = re.compile(TRACE_PARENT.pattern.encode())
_JSON_TYPE = re.compile(rb"application/(?:[^\s;/]+\+)?json\s*(?:;.*)?", flags=re.IGNORECASE)


def exchange_of(scope: Scope) -> "Exchange":
    """Return the exchange of a request."""
    exchange: Exchange = scope[SCOPE_KEY]
    return exchange


class Exchange:
    """Counts and limits the bytes of one request and its answer, without buffering them."""

    __slots__ = (
        "_complete",
        "_content_length",
        "_deadline",
        "_limit",
        "_receive",
        "_routes",
        "_send",
        "_sse",
        "exemplar",
        "header_bytes",
        "method",
        "received",
        "request_id",
        "scope",
        "sent",
        "status",
        "trace_id",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, routes: RouteTable) -> None:
        self.scope = scope
        self._routes = routes
        self.method: str = scope["method"]
        self._receive = receive
        self._send = send
        self._complete = self._sse = False
        self._limit = -1  # unknown until the route is known
        self._deadline = 0.0
        self._content_length = 0
        self.received = self.sent = self.header_bytes = 0
        self.status: int | None = None
        self.trace_id: str | None = None
        self.exemplar: str | None = None
        self.request_id = ""
        self._read_headers(scope["headers"])
        if not self.request_id:
            self.request_id = os.urandom(16).hex()

    @property
    def started(self) -> bool:
        """Whether the answer's head has been sent."""
        return self.status is not None

    def _read_headers(self, headers: list[tuple[bytes, bytes]]) -> None:
        for name, value in headers:
            self.header_bytes += len(name) + len(value)
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                self.request_id = value.decode("ascii")
            elif name == b"content-length" and value.isdigit():
                self._content_length = int(value[:19])
            elif name == b"traceparent":
                match = _TRACE_PARENT.fullmatch(value)
                if match:
                    self.trace_id = match[1].decode("ascii")

    async def receive(self) -> Message:
        """Return the next part of the body.

        Raises:
            HTTPException: 413 if the body is too long, 408 if it is too slow, 415 if it must be JSON and
                is not.
        """
        if self._complete:
            return await self._receive()
        if self._limit < 0:
            self._begin_body()
        try:
            async with asyncio.timeout_at(self._deadline + self.received / BODY_BYTES_PER_SECOND):
                message = await self._receive()
        except TimeoutError:
            return self._refuse(RequestTimeoutError("The body did not arrive in time."))
        if message["type"] != "http.request":
            self._complete = True
            return message
        self.received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message if self.received <= self._limit else self._refuse(self._too_large())

    def _begin_body(self) -> None:
        rule = self._routes.body(self.scope)
        self._limit = rule.max_bytes
        self._deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        if self._content_length > self._limit:
            self._refuse(self._too_large())
        if rule.is_json:
            problem = _find_wrong_type(self.scope["headers"])
            if problem is not None:
                self._refuse(problem)

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"The body may hold at most {self._limit} bytes.")

    def _refuse(self, error: ServiceError) -> Message:
        self._complete = True
        if self.started:
            return {"type": "http.disconnect"}
        # While reading a body, FastAPI passes on an HTTPException and turns any other error into a 400.
        raise HTTPException(error.status, error.detail) from error

    async def send(self, message: Message) -> None:
        """Send a part of the answer; add to its head the headers that every answer carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._with_own_headers(message.get("headers", ()))
            await self._send(message)
            if self.method == "HEAD":  # ended here, even if the answer to GET is an endless stream
                await self._send({"type": "http.response.body"})
        elif self.method != "HEAD":
            size = len(message.get("body", b""))
            self.sent += size
            if self._sse:
                SSE_SENT.inc(size)
            await self._send(message)

    def _with_own_headers(self, headers: Any) -> list[tuple[bytes, bytes]]:
        result = [
            *headers,
            (b"x-request-id", self.request_id.encode("ascii")),
            (b"x-content-type-options", b"nosniff"),
        ]
        cache_control = False
        for name, value in headers:
            if name == b"cache-control":
                cache_control = True
            elif name == b"content-type":
                self._sse = value.startswith(b"text/event-stream")
        if not cache_control:
            result.append((b"cache-control", b"no-store"))
        if self.status == RequestTimeoutError.status or (
            self.status == TooLargeError.status and self._content_length > DRAIN_BYTES
        ):
            result.append((b"connection", b"close"))
        return result


def _find_wrong_type(headers: list[tuple[bytes, bytes]]) -> UnsupportedMediaError | None:
    """Return an error if there is a body and its headers do not say that it is plain JSON."""
    has_body, types, encodings = False, [], []
    for name, value in headers:
        if name == b"content-length":
            has_body = has_body or value.strip(b"0") != b""
        elif name == b"transfer-encoding":
            has_body = True
        elif name == b"content-type":
            types.append(value)
        elif name == b"content-encoding":
            encodings.append(value.strip().lower())
    if not has_body:
        return None
    if len(types) != 1 or not _JSON_TYPE.fullmatch(types[0]):
        return _unsupported("Content-Type", "must be application/json")
    if any(encoding != b"identity" for encoding in encodings):
        return _unsupported("Content-Encoding", "must be left out: send the body as it is")
    return None


def _unsupported(field: str, detail: str) -> UnsupportedMediaError:
    return UnsupportedMediaError(f"{field}: {detail}", errors=[{"field": field, "detail": detail}])
