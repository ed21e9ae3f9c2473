"""The context added to every line: request id, trace and span, and fields bound by `bind`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

request_id_var: ContextVar[str | None] = ContextVar("request_id", default=None)
trace_id_var: ContextVar[str | None] = ContextVar("trace_id", default=None)
bound_var: ContextVar[Mapping[str, Any] | None] = ContextVar("bound", default=None)

_ids_of_span: Callable[[], tuple[str, str] | None] | None = None


def follow_spans(ids: Callable[[], tuple[str, str] | None] | None) -> None:
    """Add the current span to every line: `ids` returns its (trace id, span id), or None without a span."""
    global _ids_of_span  # noqa: PLW0603 - one per process, like the handler
    _ids_of_span = ids


def add_trace(fields: dict[str, Any]) -> None:
    """Add `trace_id` and `span_id` of the current span; without a span, the `trace_id` of `trace_id_var`."""
    ids = None if _ids_of_span is None else _ids_of_span()
    if ids is not None:
        fields["trace_id"], fields["span_id"] = ids
        return
    trace_id = trace_id_var.get()
    if trace_id is not None:
        fields["trace_id"] = trace_id


@contextmanager
def bind(**extra: Any) -> Iterator[None]:
    """Add fields to every line logged inside the `with` block, in this task and the tasks it starts."""
    token = bound_var.set({**(bound_var.get() or {}), **extra})
    try:
        yield
    finally:
        bound_var.reset(token)
