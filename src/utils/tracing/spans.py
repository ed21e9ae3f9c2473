"""Makes this product's spans while tracing is on."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, Token
from typing import Final

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from utils.tracing.propagation import TRACE_PARENT, Event, Key, Traced, in_log_lines

MOST_LINKS: Final = 100

_SERVER_ERROR: Final = 500
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_PROPAGATOR: Final = TraceContextTextMapPropagator()

_handled: ContextVar[Mapping[int, Span] | None] = ContextVar("handled_spans", default=None)


def current_ids() -> tuple[str, str] | None:
    """Return the current span's trace id and span id; None if there is no valid one."""
    context = get_current_span().get_span_context()
    return (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.is_valid else None


class RequestSpan:
    """The span of one request, current from its creation to its end."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._token: Token[Context] = attach(set_span_in_context(span))
        context = span.get_span_context()
        is_kept = context.is_valid and context.trace_flags.sampled
        self.sampled_trace_id = f"{context.trace_id:032x}" if is_kept else None

    def end(self, status: int | None) -> None:
        """End the span with the HTTP status of the answer; None if there was no answer."""
        span = self._span
        if status is not None:
            span.set_attribute("http.response.status_code", status)
            if status >= _SERVER_ERROR:
                span.set_attribute("error.type", str(status))
                span.set_status(StatusCode.ERROR)
        span.end()
        detach(self._token)


class TracerSpans:
    """Makes spans with one tracer. Of a client's input only a known method becomes an attribute."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def carried(self) -> str | None:
        """Return the current span as a W3C `traceparent`; None if there is none."""
        return _to_parent(get_current_span().get_span_context())

    def request(self, method: str, route: str, headers: Sequence[tuple[bytes, bytes]]) -> RequestSpan:
        """Start a request's span, in the trace that its headers name, if any."""
        known = method if method in _METHODS else "_OTHER"
        span = self._tracer.start_span(
            f"{known} {route}",
            context=_PROPAGATOR.extract(_trace_headers(headers), context=Context()),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": known, "http.route": route},
        )
        return RequestSpan(span)

    @contextmanager
    def shared(self, name: str, traces: Sequence[str | None]) -> Iterator[None]:
        """Run the block as work for several traces; see `utils.tracing.shared`."""
        parents = list({trace: parent for trace in traces if (parent := _parent(trace)) is not None}.values())
        if not parents:
            with _current(INVALID_SPAN):  # hides the span of the request that started this task
                yield
            return
        links = [Link(parent) for parent in parents[1 : MOST_LINKS + 1]]
        with self._tracer.start_as_current_span(
            name,
            context=_context(parents[0]),
            links=links,
            attributes={"vfactory.traces": len(parents)},
            record_exception=False,
        ):
            yield

    @contextmanager
    def published(self, batches: Mapping[Key, Sequence[Event]]) -> Iterator[Mapping[Key, Sequence[Event]]]:
        """Yield the events; each one of a sampled trace carries the span of its publishing."""
        spans: list[Span] = []

        def sent(event: Event) -> Event:
            parent = _parent(event.trace)
            if parent is None or not parent.trace_flags.sampled:
                return event
            span = self._start("publish", SpanKind.PRODUCER, event, parent)
            spans.append(span)
            return event.carrying(_to_parent(span.get_span_context()))

        given = {key: [sent(event) for event in events] for key, events in batches.items()}
        with _ending(spans):
            yield given

    @contextmanager
    def handled(self, publisher: str, events: Sequence[Traced]) -> Iterator[None]:
        """Run the block with a span for each event that carries a trace; the first span is current."""
        spans = {
            event.seq: self._start("process", SpanKind.CONSUMER, event, parent, publisher)
            for event in events
            if (parent := _parent(event.trace)) is not None
        }
        token = _handled.set(spans)
        try:
            first = next(iter(spans.values()), INVALID_SPAN)
            log_lines = in_log_lines(events[0].trace if events else None)
            with _ending(spans.values()), _current(first), log_lines:
                yield
        finally:
            _handled.reset(token)

    def each(self, event: Traced) -> AbstractContextManager[object] | None:
        """Return a context in which the span of one handled event is current; None if it has no span."""
        span = (_handled.get() or {}).get(event.seq)
        return None if span is None else _current(span)

    def delivered(self, event: Traced, receivers: int) -> None:
        """Add a span of no duration to the trace of a sampled event."""
        parent = _parent(event.trace)
        if parent is not None and parent.trace_flags.sampled:
            span = self._start("deliver", SpanKind.CONSUMER, event, parent)
            span.set_attribute("vfactory.receivers", receivers)
            span.end()

    def _start(
        self, verb: str, kind: SpanKind, event: Traced, parent: SpanContext, publisher: str | None = None
    ) -> Span:
        attributes: dict[str, str | int] = {
            "messaging.system": "redis",
            "messaging.operation.name": verb,
            "vfactory.event.type": event.type,
            "vfactory.event.seq": event.seq,
        }
        if publisher is not None:
            attributes["messaging.destination.name"] = publisher
        return self._tracer.start_span(
            f"{verb} {event.type}", context=_context(parent), kind=kind, attributes=attributes
        )


def _current(span: Span) -> AbstractContextManager[Span]:
    return use_span(span, record_exception=False, set_status_on_exception=False)


@contextmanager
def _ending(spans: Collection[Span]) -> Iterator[None]:
    """End the spans with the block; mark them as failed if the block raises."""
    try:
        yield
    except BaseException as error:
        for span in spans:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(StatusCode.ERROR)
        raise
    finally:
        for span in spans:
            span.end()


def _trace_headers(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    wanted = (b"traceparent", b"tracestate")
    return {name.decode(): value.decode("latin-1") for name, value in headers if name in wanted}


def _parent(trace: str | None) -> SpanContext | None:
    match = None if trace is None else TRACE_PARENT.fullmatch(trace)
    if match is None:
        return None
    trace_id, span_id, flags = (int(text, 16) for text in match.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))


def _to_parent(context: SpanContext) -> str | None:
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _context(parent: SpanContext) -> Context:
    return set_span_in_context(NonRecordingSpan(parent), Context())
