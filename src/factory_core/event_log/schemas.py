"""The answers about published events."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel


class EventRead(BaseModel):
    """A published event; `seq` is gap-free per factory, from 1."""

    seq: int
    type: str
    factory_id: UUID
    at: datetime
    payload: dict[str, Any]


class EventLogRead(BaseModel):
    """Events in order, the newest seq there is, and the oldest still kept (head + 1 where none is)."""

    items: list[EventRead]
    head: int
    oldest: int


class HeadRead(BaseModel):
    """The newest seq of a factory."""

    factory_id: UUID
    head: int
