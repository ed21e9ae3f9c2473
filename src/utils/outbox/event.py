"""An event as a service publishes it, and as it is stored, streamed and sent."""

from datetime import datetime
from functools import cached_property
from typing import ClassVar, Protocol
from uuid import UUID

import msgspec
from msgspec.structs import replace

_encode = msgspec.json.Encoder().encode


class Event(Protocol):
    """An event as a service publishes it: a frozen msgspec struct; `type` is its name and version."""

    type: ClassVar[str]


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True, dict=True, omit_defaults=True):
    """An event with its sequence number: `seq` has no gaps per service and factory, and starts at 1.

    `trace` is the context of the trace in which it was published (`utils.tracing`); clients do not get it.
    """

    seq: int
    type: str
    factory_id: UUID
    at: datetime
    payload: msgspec.Raw
    trace: str | None = None

    def carrying(self, trace: str | None) -> "StoredEvent":
        """Return the same event with another trace context, or with none."""
        return self if trace == self.trace else replace(self, trace=trace)

    @cached_property
    def json(self) -> bytes:
        """The event as a JSON object on one line, encoded once for all clients."""
        return _encode(self.carrying(None)).replace(b"\n", b" ")

    @cached_property
    def sse(self) -> bytes:
        """The event as a server-sent event whose `id` is its seq."""
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.seq, self.type.encode(), self.json)
