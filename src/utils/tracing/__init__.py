"""One trace from a request through database, outbox, stream and worker; off unless a setting turns it on.

Importing this package does not load OpenTelemetry's SDK; `start_tracing` loads it if tracing is on.
"""

from utils.tracing.propagation import (
    TRACE_PARENT,
    RequestSpan,
    Spans,
    Traced,
    active_spans,
    carried,
    delivered,
    each,
    handled,
    published,
    shared,
)
from utils.tracing.start import Tracing, start_tracing

__all__ = [
    "TRACE_PARENT",
    "RequestSpan",
    "Spans",
    "Traced",
    "Tracing",
    "active_spans",
    "carried",
    "delivered",
    "each",
    "handled",
    "published",
    "shared",
    "start_tracing",
]
