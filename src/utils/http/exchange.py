"""One HTTP exchange: counts the bytes received and sent, and enforces the limits of the body."""

import asyncio
import os
import re
from functools import lru_cache
from typing import Any, Final

from prometheus_client import Counter
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from utils.errors import (
    InvalidError,
    RequestTimeoutError,
    ServiceError,
    TooLargeError,
    UnavailableError,
    UnsupportedMediaError,
)
from utils.http.json_bounds import FREE_BYTES, FREE_VALUES, Turns, count_separators, refuse_excess
from utils.http.routes import ANY_BODY, RouteTable
from utils.lifecycle import HELD_SCOPE_KEY, TURNED_AWAY, HeldBytes
from utils.tracing import TRACE_PARENT

BODY_SECONDS: Final = 30.0
"""How long a body may take, plus one second for every `BODY_BYTES_PER_SECOND` received."""

BODY_BYTES_PER_SECOND: Final = 16 * 1024

STALL_SECONDS: Final = 15.0
"""How long a client may send nothing in the middle of a body."""

DRAIN_BYTES: Final = 16 * 1024 * 1024
"""A refused body up to this length is read to its end, so that the client sees the answer."""

SCOPE_KEY: Final = "vfactory.exchange"

SSE_SENT = Counter("vfactory_sse_sent_bytes", "Bytes sent on event streams, open ones included")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACE_PARENT = re.compile(TRACE_PARENT.pattern.encode())
_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")
_JSON_TYPE = re.compile(rb"application/(?:[^\s;/]+\+)?json\s*(?:;.*)?", flags=re.IGNORECASE)


@lru_cache(maxsize=64)
def _is_host(value: bytes) -> bool:
    """Return whether a Host header's value is one (RFC 9110, 7.2): a name or address, and a port."""
    return _HOST.fullmatch(value) is not None


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
        "_own_scope",
        "_receive",
        "_routes",
        "_rule",
        "_send",
        "_sse",
        "_turns",
        "exemplar",
        "header_bytes",
        "hosts",
        "method",
        "received",
        "request_id",
        "scope",
        "sent",
        "status",
        "trace_id",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, routes: RouteTable, turns: Turns) -> None:
        self.scope = self._own_scope = scope
        self._routes = routes
        self._turns = turns
        self.method: str = scope["method"]
        self._receive = receive
        self._send = send
        self._complete = self._sse = False
        self._limit = -1  # unknown until the route is known
        self._rule = ANY_BODY
        self._deadline = 0.0
        self._content_length = 0
        self.received = self.sent = self.header_bytes = self.hosts = 0
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
            if name == b"host":
                self.hosts += 1 if _is_host(value) else 2
            elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                self.request_id = value.decode("ascii")
            elif name == b"content-length" and value.isdigit():
                self._content_length = int(value[:19])
            elif name == b"traceparent":
                match = _TRACE_PARENT.fullmatch(value)
                if match:
                    self.trace_id = match[1].decode("ascii")

    async def receive(self) -> Message:
        """Return the next part of the body; of JSON, the whole body at once.

        Raises:
            HTTPException: 413 if the body is too long, 408 if it is too slow, 415 if it must be JSON and
                is not, 422 if it holds too many values, 503 if the process has no room for it.
        """
        if self._complete:
            return await self._receive()
        if self._limit < 0:
            self._begin_body()
        message = await self._receive_part()
        if self._rule.is_json:
            return await self._receive_json(message)
        held = self._held()
        if held is not None:
            held.give_back(len(message.get("body", b"")))
        return message

    async def _receive_json(self, message: Message) -> Message:
        """Return the whole of a JSON body, once it may be decoded."""
        if not self._complete:
            parts = [message["body"]]
            while not self._complete:
                message = await self._receive_part()
                parts.append(message.get("body", b""))
            if message["type"] != "http.request":
                return message
            message["body"] = b"".join(parts)
        body, most = message.get("body", b""), self._rule.max_values
        separators = 0 if most is None else count_separators(body)
        if most is not None and separators >= most:
            try:
                refuse_excess(body, most)
            except InvalidError as error:
                return self._refuse(error)
        if separators > FREE_VALUES or len(body) > FREE_BYTES:
            await self._turns.take()
        return message

    async def _receive_part(self) -> Message:
        now = asyncio.get_running_loop().time()
        deadline = min(self._deadline + self.received / BODY_BYTES_PER_SECOND, now + STALL_SECONDS)
        try:
            async with asyncio.timeout_at(deadline):
                message = await self._receive()
        except TimeoutError:
            return self._refuse(RequestTimeoutError("The body did not arrive in time."))
        if message["type"] != "http.request":
            self._complete = True
            return message
        held = self._held()
        if held is not None and held.is_refused:
            TURNED_AWAY.labels("memory").inc()
            return self._refuse(UnavailableError("The service holds too many bodies. Retry shortly."))
        self.received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message if self.received <= self._limit else self._refuse(self._too_large())

    def _held(self) -> HeldBytes | None:
        held: HeldBytes | None = self._own_scope.get(HELD_SCOPE_KEY)
        return held

    def _begin_body(self) -> None:
        self._rule = self._routes.body(self.scope)
        self._limit = self._rule.max_bytes
        self._deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        if self._content_length > self._limit:
            self._refuse(self._too_large())
        if self._rule.is_json:
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
