"""An event: as a service says it, and as it is stored, streamed and sent."""

from datetime import datetime
from functools import cached_property
from typing import ClassVar, Protocol
from uuid import UUID

import msgspec
from msgspec.structs import replace

_encode = msgspec.json.Encoder().encode


class Event(Protocol):
    """What a service publishes: a frozen msgspec struct whose `type` names it and its version."""

    type: ClassVar[str]


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True, dict=True, omit_defaults=True):
    """An event with its place: `seq` is gap-free per service and factory, from 1.

    `trace` is what it carries of the trace it was published in (`utils.tracing`), between services only.
    """

    seq: int
    type: str
    factory_id: UUID
    at: datetime
    payload: msgspec.Raw
    trace: str | None = None

    def carrying(self, trace: str | None) -> "StoredEvent":
        """Give the same event with another trace, or with none."""
        return self if trace == self.trace else replace(self, trace=trace)

    @cached_property
    def json(self) -> bytes:
        """The event as one JSON object on one line, encoded once however many clients get it."""
        return _encode(self.carrying(None)).replace(b"\n", b" ")

    @cached_property
    def sse(self) -> bytes:
        """The event as a server-sent event whose `id` is its seq."""
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.seq, self.type.encode(), self.json)
