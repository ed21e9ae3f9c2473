"""What rides along on every line: request id, trace id and fields bound for a stretch of work."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

request_id_var: ContextVar[str | None] = ContextVar("request_id", default=None)
trace_id_var: ContextVar[str | None] = ContextVar("trace_id", default=None)
bound_var: ContextVar[Mapping[str, Any] | None] = ContextVar("bound", default=None)


@contextmanager
def bind(**extra: Any) -> Iterator[None]:
    """Add fields to every line logged inside the `with` block, in this task and the tasks it starts."""
    token = bound_var.set({**(bound_var.get() or {}), **extra})
    try:
        yield
    finally:
        bound_var.reset(token)
