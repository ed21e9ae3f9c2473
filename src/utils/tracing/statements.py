"""Decides which SQL statements get a span: those of a trace, not those that drivers add around them."""

import re
from collections.abc import Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

# The attribute's current and former name; OTEL_SEMCONV_STABILITY_OPT_IN decides which one is set.
_STATEMENT: Final = ("db.query.text", "db.statement")
_NOISE: Final = re.compile(
    r"\s*(?:BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|START|SET|RESET|SHOW|DISCARD|DEALLOCATE|CLOSE)\b"
    r"|.*\bpg_catalog\b|.*\bpg_advisory|\s*SELECT 1\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)


class StatementSampler(Sampler):
    """Drops the spans of statements outside any trace and of noise; another sampler decides about the rest.

    A statement can be recognized here because asyncpg's instrumentation sets a span's attributes at its
    start.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def should_sample(  # noqa: PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return the decision whether a span about to start is recorded."""
        statement = (
            next((attributes[key] for key in _STATEMENT if key in attributes), None) if attributes else None
        )
        if statement is not None:
            parent = get_current_span(parent_context).get_span_context()
            if not parent.is_valid or _NOISE.match(str(statement)):
                return SamplingResult(Decision.DROP, trace_state=parent.trace_state)
        return self._sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """Return the sampler's name."""
        return f"StatementSampler({self._sampler.get_description()})"
