"""Reads events from the stream entries that the relay wrote."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from redis.asyncio import Redis

from utils.outbox import StoredEvent

Entry = tuple[bytes, Mapping[bytes, bytes]]


def read_entry(entry: Entry) -> StoredEvent:
    """Return the event of one stream entry."""
    fields = entry[1]
    trace = fields.get(b"trace")
    return StoredEvent(
        seq=int(fields[b"seq"]),
        type=fields[b"type"].decode(),
        factory_id=UUID(fields[b"factory_id"].decode()),
        at=datetime.fromisoformat(fields[b"at"].decode()),
        payload=msgspec.Raw(fields[b"payload"]),
        trace=None if trace is None else trace.decode(),
    )


def read_entries(entries: Iterable[Entry]) -> list[StoredEvent]:
    """Return the events of stream entries, in their order."""
    return [read_entry(entry) for entry in entries]


async def read_streams(
    redis: Redis, positions: Mapping[str, str], *, count: int, block_seconds: float | None
) -> dict[str, list[Entry]]:
    """Return the entries of each stream after its position, at most `count` each.

    If there are none, wait for one up to `block_seconds` (None: do not wait).

    Raises:
        RedisError, OSError, TimeoutError: Redis does not answer.
    """
    block = None if block_seconds is None else max(1, round(block_seconds * 1000))
    streams: dict[Any, Any] = dict(positions)
    answer: Any = await redis.xread(streams, count=count, block=block)
    pairs = answer.items() if isinstance(answer, dict) else answer or ()
    return {key.decode(): _flat(entries) for key, entries in pairs}


async def read_range(redis: Redis, key: str, *, after: int, count: int) -> list[StoredEvent]:
    """Return the first `count` events of a stream after the seq `after`."""
    entries: Any = await redis.xrange(key, min=f"({after}-0", count=count)
    return read_entries(entries or [])


async def read_newest(redis: Redis, key: str, *, count: int) -> list[StoredEvent]:
    """Return the newest `count` events of a stream, oldest first."""
    entries: Any = await redis.xrevrange(key, count=count)
    return read_entries(reversed(entries or []))


def _flat(entries: list[Any]) -> list[Entry]:
    # RESP3 wraps each stream's entries in another list
    return entries[0] if entries and isinstance(entries[0], list) else entries
