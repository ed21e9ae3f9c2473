"""P2: what observing a request adds to it, beside the instrumentator's own defaults."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import Instrumentator
from starlette.types import ASGIApp, Message, Scope

from benchmarks.harness import Goal, Options, Result, Samples, interleave
from utils.http import RouteTable
from utils.http.instrumentation import instrument
from utils.http.middleware import KitMiddleware
from utils.logging import configure_logging, follow_spans
from utils.logging.context import add_trace
from utils.tracing import active_spans, carried, shared
from utils.tracing.export import BoundedProcessor
from utils.tracing.propagation import use_spans
from utils.tracing.spans import TracerSpans, current_ids
from utils.tracing.statements import StatementSampler

METRICS = Goal("P2", "the guide's metrics, added per request", "µs", 1.0, "at most")
ALL = Goal("P2", "metrics, request id and JSON access log, added per request", "µs", 1.3, "at most")
# Ours includes its ids in the log line and the exemplar, theirs has neither; the margin is for the noise.
SPAN = Goal(
    "P2", "tracing on: a request's span, made and encoded, beside FastAPI's own", "µs", 1.2, "at most"
)
OFF = Goal("P2", "tracing off: what is asked about it per request and event", "µs", 1, "at most")

REQUESTS, QUICK_REQUESTS = 6_000, 200
QUESTIONS, QUICK_QUESTIONS = 200_000, 2_000
MOST_SPANS = 100_000


def run(options: Options) -> list[Result]:
    """Measure applications that differ in nothing but what observes them."""
    subjects = {
        "bare": _subject(_application(), options),
        "default": _subject(_with_defaults(), options),
        "metrics": _subject(_with_kit(), options, level="WARNING"),
        "all": _subject(_with_kit(), options, level="INFO"),
        "span": _with_spans(options),
        "fastapi span": _with_fastapi_spans(options),
        "off": _questions(options),
    }
    with _log_lines_thrown_away():
        figures = interleave(subjects, options)
    bare = figures["bare"]
    default = _added(figures["default"], bare)
    return [
        METRICS.judge(_added(figures["metrics"], bare), default),
        ALL.judge(_added(figures["all"], bare), default),
        SPAN.judge(_added(figures["span"], figures["all"]), _added(figures["fastapi span"], bare)),
        OFF.judge(figures["off"]),
    ]


def _added(samples: Samples, bare: Samples) -> Samples:
    return Samples(tuple(value - base for value, base in zip(samples.values, bare.values, strict=True)))


def _application(telemetry: TelemetryConfig | None = None) -> FastAPI:
    """Build a small service: two aggregates, five routes each."""
    app = FastAPI(openapi_url=None, telemetry=telemetry)
    router = APIRouter(prefix="/v1")
    for name in ("factories", "equipment"):
        router.add_api_route(f"/{name}", _answer, methods=["GET"])
        router.add_api_route(f"/{name}", _answer, methods=["POST"])
        router.add_api_route(f"/{name}/{{key}}", _answer, methods=["GET"])
        router.add_api_route(f"/{name}/{{key}}", _answer, methods=["DELETE"])
        router.add_api_route(f"/{name}/{{key}}/state", _answer, methods=["GET"])
    app.include_router(router)
    return app


async def _answer() -> dict[str, str]:
    return {"status": "ok"}


def _with_defaults() -> FastAPI:
    app = _application()
    Instrumentator(registry=CollectorRegistry()).instrument(app)
    return app


def _with_kit() -> FastAPI:
    app = _application()
    app.state.routes = RouteTable(app)
    app.add_middleware(KitMiddleware, routes=app.state.routes)
    instrument(app, app.state.routes)
    return app


def _subject(app: ASGIApp, options: Options, *, level: str = "WARNING") -> Callable[[], float]:
    requests = options.scaled(REQUESTS, QUICK_REQUESTS)

    def measure() -> float:
        configure_logging("benchmark", level)
        return asyncio.run(_time(app, requests)) / requests * 1e6

    return measure


class _Encoded(SpanExporter):
    """Does all of an export but the sending."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        pass


class _Spans:
    """A provider of spans that are encoded in the background, none of them lost."""

    def __init__(self) -> None:
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.sampler = StatementSampler(self.provider.sampler)
        self._processor = BoundedProcessor(_Encoded(), most=MOST_SPANS)
        self.provider.add_span_processor(self._processor)

    def encoding(self, measure: Callable[[], float], options: Options) -> Callable[[], float]:
        """Add to a figure what is left to encode at its end."""
        requests = options.scaled(REQUESTS, QUICK_REQUESTS)

        def measure_all() -> float:
            figure = measure()
            started = time.perf_counter()
            self._processor.force_flush()
            return figure + (time.perf_counter() - started) / requests * 1e6

        return measure_all


def _with_spans(options: Options) -> Callable[[], float]:
    spans = _Spans()
    measure = spans.encoding(_subject(_with_kit(), options, level="INFO"), options)

    def traced() -> float:
        use_spans(TracerSpans(spans.provider.get_tracer("benchmark")))
        follow_spans(current_ids)
        try:
            return measure()
        finally:
            follow_spans(None)
            use_spans(None)

    return traced


def _with_fastapi_spans(options: Options) -> Callable[[], float]:
    """Let FastAPI make one span per request, not one for each of its own steps."""
    spans = _Spans()
    app = _application(
        {
            "tracing": True,
            "operation_spans": False,
            "metrics": False,
            "logs": False,
            "tracer_provider": spans.provider,
        }
    )
    return spans.encoding(_subject(app, options), options)


def _questions(options: Options) -> Callable[[], float]:
    """Measure what a request and its event ask while tracing is off."""
    times = options.scaled(QUESTIONS, QUICK_QUESTIONS)
    fields: dict[str, str] = {}

    def measure() -> float:
        started = time.perf_counter()
        for _ in range(times):
            active_spans()
            carried()
            add_trace(fields)
            with shared("work", ()):
                pass
        return (time.perf_counter() - started) / times * 1e6

    return measure


async def _time(app: ASGIApp, requests: int) -> float:
    started = time.perf_counter()
    for _ in range(requests):
        await app(_scope(), _receive, _send)
    return time.perf_counter() - started


def _scope() -> Scope:
    """Build a new scope, as the server does for every request."""
    path = "/v1/equipment/0190b3a0-6f2c-7cc0-8000-000000000000"
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1:8001"), (b"user-agent", b"benchmark"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8001),
        "state": {},
    }


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    pass


@contextmanager
def _log_lines_thrown_away() -> Iterator[None]:
    """Write log lines to the null device: the terminal's speed is not ours."""
    copy = os.dup(1)
    with open(os.devnull, "wb") as null:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(null.fileno(), 1)
    try:
        yield
    finally:
        logging.root.handlers[0].flush()
        os.dup2(copy, 1)
        os.close(copy)
