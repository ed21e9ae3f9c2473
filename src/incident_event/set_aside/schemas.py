"""The bodies of requests and answers about events that could not be handled."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from utils.http import Integer, RequestModel
from utils.streams import EventSetAside


class SetAsideRead(BaseModel):
    """An event of another service that could not be handled: its factory is watched without it."""

    factory_id: Annotated[UUID, Field(description="The factory it happened in")]
    publisher: Annotated[str, Field(description="The service whose event it is")]
    seq: Annotated[int, Field(description="Its number in that service's stream of the factory")]
    type: Annotated[str, Field(description="What happened, with the version of its payload")]
    at: Annotated[datetime, Field(description="When it happened")]
    reason: Annotated[str, Field(description="Why it could not be handled")]
    attempts: Annotated[int, Field(description="How often it was tried")]
    set_aside_at: Annotated[datetime, Field(description="When it was set aside")]
    retry_requested_at: Annotated[
        datetime | None, Field(description="When somebody asked for another attempt; null if nobody waits")
    ]

    @classmethod
    def of(cls, event: EventSetAside) -> Self:
        """Show an event."""
        return cls(
            factory_id=event.factory_id,
            publisher=event.publisher,
            seq=event.seq,
            type=event.type,
            at=event.occurred_at,
            reason=event.reason,
            attempts=event.attempts,
            set_aside_at=event.set_aside_at,
            retry_requested_at=event.retry_requested_at,
        )


class RetryRequest(RequestModel):
    """Asks for another attempt at one event, or at all of a factory."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"factory_id": "01a20a52-b070-7595-88cb-1835953c075b", "seq": 42}]}
    )

    factory_id: Annotated[UUID, Field(description="The factory of the events")]
    seq: Annotated[
        Integer | None, Field(ge=1, le=2**53 - 1, description="One event's number; all events without it")
    ] = None


class RetryRead(BaseModel):
    """The events that are tried again within seconds."""

    items: Annotated[list[SetAsideRead], Field(description="By number")]
