"""One trace from a request through database, outbox, stream and worker; off unless a setting turns it on.

What is imported here knows nothing of OpenTelemetry's SDK: `start_tracing` loads it, when tracing is on.
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
