"""The kit's ASGI layer: request id, span, limits, unhandled errors, access log."""

import time
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from utils.errors import (
    BadRequestError,
    HeadersTooLargeError,
    InvalidError,
    ServiceError,
    UnavailableError,
    UriTooLongError,
)
from utils.http import problems
from utils.http.exchange import SCOPE_KEY, Exchange
from utils.http.json_bounds import Turns
from utils.http.routes import UNMATCHED, RouteTable
from utils.lifecycle import CROWDED_SCOPE_KEY, HELD_SCOPE_KEY, TURNED_AWAY
from utils.logging import logger, request_id_var, trace_id_var
from utils.tracing import RequestSpan, Spans, active_spans

MAX_URL_BYTES: Final = 8 * 1024
MAX_HEADER_BYTES: Final = 32 * 1024

_DEBUG, _INFO = 10, 20
_WATCHING = ("/health", "/metrics")  # requested all the time, by probes and Prometheus


class KitMiddleware:
    """Wraps the application, so that every request is answered, counted and logged, however it fails."""

    def __init__(self, app: ASGIApp, routes: RouteTable) -> None:
        self.app = app
        self.routes = routes
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = scope[SCOPE_KEY] = Exchange(scope, receive, send, self.routes, self._turns)
        if scope["method"] == "HEAD":
            self._head_as_get(exchange)
        request_id = request_id_var.set(exchange.request_id)
        trace_id = trace_id_var.set(exchange.trace_id)
        spans = active_spans()
        span = None if spans is None else self._begin_span(spans, exchange)
        try:
            await self._serve(exchange)
        finally:
            held = scope.get(HELD_SCOPE_KEY)
            if held is not None:
                held.release()
            self._log(exchange, time.perf_counter() - started)
            if span is not None:
                span.end(exchange.status)
            trace_id_var.reset(trace_id)
            request_id_var.reset(request_id)

    def _head_as_get(self, exchange: Exchange) -> None:
        """Let a GET route answer HEAD as well; the exchange drops the body."""
        methods = self.routes.methods(exchange.scope)
        if "GET" in methods and "HEAD" not in methods:
            exchange.scope = {**exchange.scope, "method": "GET"}

    def _begin_span(self, spans: Spans, exchange: Exchange) -> RequestSpan | None:
        path = exchange.scope["path"]
        if path.startswith(_WATCHING):
            return None
        route = self.routes.find(exchange.scope["method"], path) or UNMATCHED
        span = spans.request(exchange.method, route, exchange.scope["headers"])
        exchange.exemplar = span.sampled_trace_id
        return span

    async def _serve(self, exchange: Exchange) -> None:
        scope = exchange.scope
        try:
            refusal = _refusal(exchange)
            if refusal is None:
                await self.app(scope, exchange.receive, exchange.send)
            else:
                answer = problems.of_service_error(Request(scope), refusal)
                await answer(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = exchange.status or problems.CLIENT_CLOSED_REQUEST
        except Exception as error:  # noqa: BLE001 - the boundary: every error is answered and logged
            answer = await problems.internal_error(Request(scope), error)
            if not exchange.started:
                await answer(scope, exchange.receive, exchange.send)

    def _log(self, exchange: Exchange, seconds: float) -> None:
        path = self.routes.template(exchange.scope)
        level = _DEBUG if path.startswith(_WATCHING) else _INFO
        if not logger.isEnabledFor(level):
            return
        scope = exchange.scope
        extra = {
            "method": exchange.method,
            "path": path,
            "status": exchange.status,
            "duration_ms": round(seconds * 1000, 3),
        }
        client = scope.get("client")
        if client:
            extra["client"] = client[0]
        principal = scope.get("state", {}).get("principal")
        if principal is not None:
            extra["sub"] = principal.subject
            extra["role"] = principal.role.value  # text: an enum would make rendering the line slower
        logger.log(level, "%s %s %s", exchange.method, path, exchange.status, extra=extra)


def _refusal(exchange: Exchange) -> ServiceError | None:
    scope = exchange.scope
    if scope.get(CROWDED_SCOPE_KEY) and not scope["path"].startswith(_WATCHING):
        TURNED_AWAY.labels("connections").inc()
        return UnavailableError(_CROWDED, headers={"Connection": "close"})
    if exchange.hosts != 1 and (exchange.hosts or scope.get("http_version") != "1.0"):
        return BadRequestError("A request carries one Host header with a valid value.")
    path, query = scope.get("raw_path") or b"", scope["query_string"]
    if len(path) + len(query) > MAX_URL_BYTES:
        return UriTooLongError(f"Path and query together may hold at most {MAX_URL_BYTES} bytes.")
    if exchange.header_bytes > MAX_HEADER_BYTES:
        return HeadersTooLargeError(f"The headers together may hold at most {MAX_HEADER_BYTES} bytes.")
    if b"%" in path and not _is_text(path):
        return InvalidError.of("path", _NOT_TEXT)
    return _bad_parameter(query) if query else None


_CROWDED = "The service holds too many connections. Retry shortly."
_NOT_TEXT = "must be percent-encoded UTF-8 without the character U+0000"


def _bad_parameter(query: bytes) -> InvalidError | None:
    if b"%" not in query and query.isascii():
        return None
    for pair in query.split(b"&"):
        if not _is_text(pair):
            name = unquote_to_bytes(pair.partition(b"=")[0]).decode("utf-8", "backslashreplace")
            return InvalidError.of(name.replace("\x00", "\\x00")[:100] or "query", _NOT_TEXT)
    return None


def _is_text(encoded: bytes) -> bool:
    raw = unquote_to_bytes(encoded)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\x00" not in raw
