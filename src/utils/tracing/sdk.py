"""Sets up OpenTelemetry's SDK; importing this module loads it."""

import os
import socket
import threading
from importlib.metadata import version
from typing import Final

from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider

from utils.logging import follow_spans, logger
from utils.tracing.export import BoundedProcessor, WatchedExporter, quiet_the_sdk
from utils.tracing.propagation import use_spans
from utils.tracing.settings import TracingSettings
from utils.tracing.spans import TracerSpans, current_ids
from utils.tracing.statements import StatementSampler

LONGEST_ATTRIBUTE: Final = 2048
"""How many characters of an attribute's value are kept if no `OTEL_…_LIMIT` is set."""


class RunningTracing:
    """The tracing of this process, from `start` to `stop`."""

    def __init__(self, provider: TracerProvider, processor: BoundedProcessor) -> None:
        self._provider = provider
        self._processor = processor

    def stop(self, seconds: float) -> None:
        """Stop making spans, and export the waiting ones for at most `seconds`."""
        use_spans(None)
        follow_spans(None)
        _instrumentor().uninstrument()
        # In a daemon thread, because the SDK waits half a minute for a collector that hangs.
        flush = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        flush.start()
        flush.join(seconds)
        if self._processor.waiting:
            logger.warning("The last spans were not exported", extra={"spans": self._processor.waiting})


def start(settings: TracingSettings, service_name: str, process: str | None) -> RunningTracing:
    """Start tracing this process."""
    # Set before an instrumentation reads it: a statement's attributes then hold no parameters, users or
    # hosts.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "database")
    quiet_the_sdk()
    processor = BoundedProcessor(WatchedExporter(settings.endpoint), most=settings.otel_bsp_max_queue_size)
    provider = TracerProvider(
        resource=_resource(service_name, process), shutdown_on_exit=False, span_limits=_limits(settings)
    )
    provider.sampler = StatementSampler(provider.sampler)
    provider.add_span_processor(processor)
    _instrumentor().instrument(tracer_provider=provider)
    use_spans(TracerSpans(provider.get_tracer("v-factory")))
    follow_spans(current_ids)
    logger.info("Traces are exported", extra={"collector": settings.collector})
    return RunningTracing(provider, processor)


def _instrumentor() -> AsyncPGInstrumentor:
    """Return asyncpg's instrumentor; by default it records no parameters of statements."""
    return AsyncPGInstrumentor()  # type: ignore[no-untyped-call]


def _resource(service_name: str, process: str | None) -> Resource:
    """Return the attributes of this process; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` override."""
    ours = Resource.create(
        {
            "service.name": service_name,
            "service.namespace": "v-factory",
            "service.version": version("v-factory"),
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
            "vfactory.process": process or "api",
        }
    )
    return ours.merge(OTELResourceDetector().detect())


def _limits(settings: TracingSettings) -> SpanLimits:
    is_given = settings.otel_span_attribute_value_length_limit or settings.otel_attribute_value_length_limit
    return SpanLimits() if is_given else SpanLimits(max_span_attribute_length=LONGEST_ATTRIBUTE)
