"""Passes a trace's context from request to event to handler, at almost no cost while tracing is off.

An event carries either a whole W3C `traceparent`, which names the parent of the next span, or, if its request
was not traced here, only the trace id that the client sent, so that log lines can be found by it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Protocol, Self, TypeVar

from utils.logging import trace_id_var

TRACE_PARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})"
)
"""W3C Trace Context: version, trace id, parent's span id, flags; no id may be all zeros."""

_TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")
_NOTHING: Final = nullcontext()


class Traced(Protocol):
    """The part of an event that tracing needs."""

    @property
    def seq(self) -> int: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def trace(self) -> str | None: ...  # noqa: D102
    def carrying(self, trace: str | None) -> Self: ...  # noqa: D102


Key = TypeVar("Key")
Event = TypeVar("Event", bound=Traced)


class RequestSpan(Protocol):
    """The span of one request."""

    sampled_trace_id: str | None
    """The trace's id if the trace is sampled, else None."""

    def end(self, status: int | None) -> None:
        """End the span with the HTTP status of the answer; None if there was no answer."""


class Spans(Protocol):
    """The functions of this module while tracing is on; implemented by `utils.tracing.spans`."""

    def carried(self) -> str | None: ...  # noqa: D102
    def request(self, method: str, route: str, headers: Sequence[tuple[bytes, bytes]]) -> RequestSpan: ...  # noqa: D102
    def shared(self, name: str, traces: Sequence[str | None]) -> AbstractContextManager[object]: ...  # noqa: D102
    def published(  # noqa: D102
        self, batches: Mapping[Key, Sequence[Event]]
    ) -> AbstractContextManager[Mapping[Key, Sequence[Event]]]: ...
    def handled(self, publisher: str, events: Sequence[Traced]) -> AbstractContextManager[object]: ...  # noqa: D102
    def each(self, event: Traced) -> AbstractContextManager[object] | None: ...  # noqa: D102
    def delivered(self, event: Traced, receivers: int) -> None: ...  # noqa: D102


_spans: Spans | None = None


def active_spans() -> Spans | None:
    """Return the maker of spans; None while tracing is off."""
    return _spans


def use_spans(spans: Spans | None) -> None:
    """Turn tracing on, or off with None; called by `utils.tracing.sdk`."""
    global _spans  # noqa: PLW0603 - one per process, read at every request
    _spans = spans


def carried() -> str | None:
    """Return the current trace's context, for an event or a batch to carry; None if there is no trace."""
    return (_spans.carried() if _spans is not None else None) or trace_id_var.get()


def shared(name: str, traces: Sequence[str | None]) -> AbstractContextManager[object]:
    """Run the block as work for several traces: in a span of the first one, linked with the others."""
    return _NOTHING if _spans is None else _spans.shared(name, traces)


def published(
    batches: Mapping[Key, Sequence[Event]],
) -> AbstractContextManager[Mapping[Key, Sequence[Event]]]:
    """Yield the events to publish inside the block, each carrying the span of its own publishing."""
    return nullcontext(batches) if _spans is None else _spans.published(batches)


def handled(publisher: str, events: Sequence[Traced]) -> AbstractContextManager[object]:
    """Run the block as the handling of events.

    Each event has a span in its own trace that ends with the block; the first event's span is current.
    """
    if _spans is not None:
        return _spans.handled(publisher, events)
    return in_log_lines(events[0].trace) if events else _NOTHING


def each(event: Traced) -> AbstractContextManager[object]:
    """Run the block in the trace of one of the `handled` events, for work that this event alone causes."""
    span = None if _spans is None else _spans.each(event)
    return span or in_log_lines(event.trace)


def delivered(event: Traced, receivers: int) -> None:
    """Record that an event was delivered to `receivers` connections."""
    if _spans is not None:
        _spans.delivered(event, receivers)


def in_log_lines(trace: str | None) -> AbstractContextManager[object]:
    """Add the trace's id to every line logged inside the block."""
    trace_id = trace_id_of(trace)
    return _NOTHING if trace_id is None else _with_trace_id(trace_id)


def trace_id_of(trace: str | None) -> str | None:
    """Return the trace id in the context that an event carries; None if there is none or it is invalid."""
    if trace is None:
        return None
    parent = TRACE_PARENT.fullmatch(trace)
    if parent is not None:
        return parent[1]
    return trace if _TRACE_ID.fullmatch(trace) else None


@contextmanager
def _with_trace_id(trace_id: str) -> Iterator[None]:
    token = trace_id_var.set(trace_id)
    try:
        yield
    finally:
        trace_id_var.reset(token)
