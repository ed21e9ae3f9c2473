"""Reads events from the stream entries that the relay wrote, and leaves out all others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from redis.asyncio import Redis

from utils.outbox import StoredEvent
from utils.streams import metrics
from utils.streams.client import stream_key
from utils.streams.seal import Seal

LAST_SUBSEQUENCE = 2**64 - 1
Entry = tuple[bytes, Mapping[bytes, bytes]]


@dataclass
class Found:
    """The events of some entries, in their order, and how many entries the relay did not write."""

    events: list[StoredEvent] = field(default_factory=list)
    foreign: int = 0


class Wire:
    """Reads one publisher's streams.

    An entry counts only under the id that the relay gives it, with all its fields, and with a seal that fits.
    """

    def __init__(self, publisher: str, seal: Seal) -> None:
        self._publisher = publisher
        self._seal = seal

    def key(self, factory_id: UUID) -> str:
        """Return the key of a factory's stream."""
        return stream_key(self._publisher, factory_id)

    def read(self, factory_id: UUID, entries: Iterable[Entry]) -> Found:
        """Return the events of entries of a factory's stream."""
        found = Found()
        for entry in entries:
            event = self._read(factory_id, entry)
            if event is None:
                found.foreign += 1
            else:
                found.events.append(event)
        if found.foreign:
            metrics.STREAM_FOREIGN.labels(self._publisher).inc(found.foreign)
        return found

    async def range(self, redis: Redis, factory_id: UUID, *, after: int, count: int) -> Found:
        """Return the first `count` entries of a factory's stream after the seq `after`.

        Raises:
            RedisError, OSError, TimeoutError: Redis does not answer.
        """
        entries: Any = await redis.xrange(self.key(factory_id), min=f"({after_seq(after)}", count=count)
        return self.read(factory_id, entries or [])

    async def newest(self, redis: Redis, factory_id: UUID, *, count: int) -> Found:
        """Return the newest `count` entries of a factory's stream, oldest first.

        Raises:
            RedisError, OSError, TimeoutError: Redis does not answer.
        """
        entries: Any = await redis.xrevrange(self.key(factory_id), count=count)
        return self.read(factory_id, reversed(entries or []))

    def _read(self, factory_id: UUID, entry: Entry) -> StoredEvent | None:
        identifier, fields = entry
        try:
            event = to_event(fields)
        except (KeyError, ValueError, TypeError, OverflowError):
            return None
        is_own = event.factory_id == factory_id and identifier == b"%d-0" % event.seq
        return event if is_own and self._seal.fits(event, fields.get(b"seal", b"")) else None


def to_event(fields: Mapping[bytes, bytes]) -> StoredEvent:
    """Return the event that an entry's fields hold.

    Raises:
        KeyError, ValueError, TypeError, OverflowError: a field is missing or unreadable.
    """
    trace = fields.get(b"trace")
    at = datetime.fromisoformat(fields[b"at"].decode())
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return StoredEvent(
        seq=int(fields[b"seq"]),
        type=fields[b"type"].decode(),
        factory_id=UUID(fields[b"factory_id"].decode()),
        at=at,
        payload=msgspec.Raw(fields[b"payload"]),
        trace=None if trace is None else trace.decode(),
    )


def after_seq(seq: int) -> str:
    """Return the id after which everything newer than the event `seq` comes, and nothing beside it."""
    return f"{seq}-{LAST_SUBSEQUENCE}"


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


def _flat(entries: list[Any]) -> list[Entry]:
    # RESP3 wraps each stream's entries in another list
    return entries[0] if entries and isinstance(entries[0], list) else entries
