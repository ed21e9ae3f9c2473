"""Streams of events in Redis: the client, consuming exactly once, and the feed for open connections."""

from utils.outbox import StoredEvent as StreamEvent
from utils.streams.client import create_redis, index_key, stream_key

__all__ = ["StreamEvent", "create_redis", "index_key", "stream_key"]
