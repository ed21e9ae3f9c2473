"""Streams of events in Redis: the client, the exactly-once consumer, and the feed for open connections."""

from utils.outbox import StoredEvent
from utils.streams.client import create_redis, index_key, stream_key
from utils.streams.consumer import StreamConsumer
from utils.streams.feed import EventFeed, FeedItem, Heartbeat, Reset
from utils.streams.handler import Effects, Handler, StaleError, UnusableEventError
from utils.streams.lane import FetchGap, Gap
from utils.streams.seal import Seal
from utils.streams.set_aside import EventSetAside, SetAsideList

StreamEvent = StoredEvent

__all__ = [
    "Effects",
    "EventFeed",
    "EventSetAside",
    "FeedItem",
    "FetchGap",
    "Gap",
    "Handler",
    "Heartbeat",
    "Reset",
    "Seal",
    "SetAsideList",
    "StaleError",
    "StreamConsumer",
    "StreamEvent",
    "UnusableEventError",
    "create_redis",
    "index_key",
    "stream_key",
]
