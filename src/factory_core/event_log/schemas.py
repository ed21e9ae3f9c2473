"""The bodies of answers about published events."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field


class EventRead(BaseModel):
    """A published event; `seq` is gap-free per factory, from 1."""

    seq: Annotated[int, Field(description="Its number in the factory, from 1, without a gap")]
    type: Annotated[str, Field(description="What happened, with the version of its payload")]
    factory_id: Annotated[UUID, Field(description="The factory it happened in")]
    at: Annotated[datetime, Field(description="When it happened")]
    payload: Annotated[dict[str, Any], Field(description="What happened; its fields depend on the type")]
    trace: Annotated[
        str | None, Field(description="Context of the trace in which it was published; absent without one")
    ] = None


class EventLogRead(BaseModel):
    """Events in order, the newest seq, and the oldest one still kept (head + 1 if none is)."""

    items: Annotated[list[EventRead], Field(description="By seq")]
    head: Annotated[int, Field(description="The newest seq; 0 if there is none")]
    oldest: Annotated[int, Field(description="The oldest seq still kept")]


class HeadRead(BaseModel):
    """The newest seq of a factory."""

    factory_id: Annotated[UUID, Field(description="The factory")]
    head: Annotated[int, Field(description="Its newest seq")]
