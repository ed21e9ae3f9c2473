"""An event: as a service says it, and as it is stored, streamed and sent."""

from datetime import datetime
from functools import cached_property
from typing import ClassVar, Protocol
from uuid import UUID

import msgspec

_encode = msgspec.json.Encoder().encode


class Event(Protocol):
    """What a service publishes: a frozen msgspec struct whose `type` names it and its version."""

    type: ClassVar[str]


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """An event with its place: `seq` is gap-free per service and factory, from 1."""

    seq: int
    type: str
    factory_id: UUID
    at: datetime
    payload: msgspec.Raw

    @cached_property
    def json(self) -> bytes:
        """The event as one JSON object on one line, encoded once however many clients get it."""
        return _encode(self).replace(b"\n", b" ")

    @cached_property
    def sse(self) -> bytes:
        """The event as a server-sent event whose `id` is its seq."""
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.seq, self.type.encode(), self.json)
