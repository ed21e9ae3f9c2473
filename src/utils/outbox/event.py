"""An event: as a service says it, and as it is stored, streamed and sent."""

from datetime import datetime
from typing import ClassVar, Protocol
from uuid import UUID

import msgspec


class Event(Protocol):
    """What a service publishes: a frozen msgspec struct whose `type` names it and its version."""

    type: ClassVar[str]


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its place: `seq` is gap-free per service and factory, from 1."""

    seq: int
    type: str
    factory_id: UUID
    at: datetime
    payload: msgspec.Raw
