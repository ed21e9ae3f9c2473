"""Streams of events in Redis: the client, the exactly-once consumer, and the feed for open connections."""

from utils.outbox import StoredEvent
from utils.streams.client import create_redis, index_key, stream_key
from utils.streams.consumer import StreamConsumer
from utils.streams.feed import EventFeed, FeedItem, Heartbeat, Reset
from utils.streams.lane import FetchGap, Gap
from utils.streams.seal import Seal

StreamEvent = StoredEvent

__all__ = [
    "EventFeed",
    "FeedItem",
    "FetchGap",
    "Gap",
    "Heartbeat",
    "Reset",
    "Seal",
    "StreamConsumer",
    "StreamEvent",
    "create_redis",
    "index_key",
    "stream_key",
]
