"""The route of the event stream."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from contracts.incident_event import EVENT_TYPES
from incident_event.events.stream import EventStream
from incident_event.settings import IncidentEventSettings
from utils.clock import utc_now
from utils.errors import InvalidError
from utils.http import CurrentPrincipal, Kit
from utils.streams import EventFeed

router = APIRouter(tags=["events"])

MAX_SEQ = 2**63 - 1
LAST_EVENT_ID = "Last-Event-ID"
POLYFILL_LAST_EVENT_ID = "lastEventId"
EXAMPLE = """retry: 2000

id: 41
: live after 41

id: 42
event: incident.acknowledged.v1
data: {"seq":42,"type":"incident.acknowledged.v1","factory_id":"01a20a52-b070-7595-88cb-1835953c075b",\
"at":"2026-01-15T10:30:00Z","payload":{"incident_id":"01a20a5b-4d19-70fa-9a9b-7f924997c869","by":"kim",\
"at":"2026-01-15T10:30:00Z","reason":"On my way"}}

: heartbeat

"""
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events until the client leaves, its token expires, or the service stops",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}},
    }
}


@router.get("/events", response_class=Response, responses=STREAM)
async def stream_events(
    request: Request,
    by: CurrentPrincipal,
    *,
    factory: UUID,
    types: Annotated[
        str | None,
        Query(
            max_length=1000, description="Only these types of events, separated by commas; all if left out"
        ),
    ] = None,
    last_event_id: Annotated[
        str | None, Query(max_length=100, description="As the header Last-Event-ID, which goes before it")
    ] = None,
    last_event_id_of_polyfill: Annotated[
        str | None,
        Query(
            alias=POLYFILL_LAST_EVENT_ID,
            max_length=100,
            description="As `last_event_id`, in the name that polyfills of EventSource send",
        ),
    ] = None,
    last_event_id_header: Annotated[
        str | None,
        Header(
            alias=LAST_EVENT_ID,
            max_length=100,
            description="The last `id` received: the stream resumes there",
        ),
    ] = None,
) -> EventStream:
    """Stream one factory's events (server-sent events).

    Each has its `seq` as `id`, its type as `event`, and one line of JSON as `data`: seq, type, factory_id,
    at, payload. Without a last id the stream begins live, and tells its position as `id`. With one it
    resumes, with no gap and nothing twice; where what was missed is not kept any more, or the id lies in the
    future, it says `event: reset` and goes on live. A comment (`: heartbeat`) every 15 s says that it lives.
    A client that is cut off comes back after `retry` milliseconds with the header Last-Event-ID: browsers'
    EventSource does so by itself; its polyfills send the query parameter lastEventId. A reset, whose data is
    the `seq` it goes on after, means: read anew.
    """
    by.require_factory(factory)
    wanted = _types(types)
    given = {
        LAST_EVENT_ID: last_event_id_header,
        "last_event_id": last_event_id,
        POLYFILL_LAST_EVENT_ID: last_event_id_of_polyfill,
    }
    sent = (_last_event_id(name, text) for name, text in given.items())
    after = next((seq for seq in sent if seq is not None), None)
    kit: Kit = request.app.state.kit
    settings = kit.settings
    assert isinstance(settings, IncidentEventSettings)  # noqa: S101 - `create_app` takes no other
    feed: EventFeed = request.app.state.feed
    return EventStream(
        feed.subscribe(factory, after),
        types=wanted,
        is_resumed=after is not None,
        lifecycle=kit.lifecycle,
        seconds_left=max(0.0, by.expires_at - utc_now().timestamp()),
        slow_after=settings.slow_client_seconds,
    )


def _types(types: str | None) -> frozenset[str] | None:
    if types is None:
        return None
    wanted = frozenset(word.strip() for word in types.split(","))
    if not wanted <= EVENT_TYPES:
        raise InvalidError.of("types", "must be of: " + ", ".join(sorted(EVENT_TYPES)))
    return wanted


def _last_event_id(name: str, text: str | None) -> int | None:
    """Read the id; empty means none, as browsers send it before they have had any."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_SEQ):
        raise InvalidError.of(name, "must be the `id` of an event of this stream: a whole number from 0")
    return int(text)
