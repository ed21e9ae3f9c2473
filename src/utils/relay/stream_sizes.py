"""Bounds the memory of a service's streams, each of them and all together, by what the server measures."""

from collections.abc import Collection, Iterable
from typing import Any, Final
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, NoScriptError, RedisError, ResponseError

from utils.logging import logger
from utils.relay.metrics import STREAM_BYTES, STREAM_LIMIT_BYTES, STREAM_TRIMMED
from utils.streams import stream_key

MAX_STREAM_BYTES: Final = 32 * 1024 * 1024
MAX_TOTAL_BYTES: Final = 128 * 1024 * 1024

MEASURE_BYTES: Final = 1024 * 1024
"""A stream is measured again after so much has been appended."""

ENTRY_BYTES: Final = 128
"""What an entry takes besides its payload, about."""

_KEPT_SHARE: Final = 0.9  # below the limit, so that the next events do not trim every stream anew

# KEYS: the stream. ARGV: the most bytes. Trims the oldest entries until the stream takes no more, except for
# the newest entry; returns the bytes it takes and the number of entries trimmed. A part of what is too much
# goes at a time, because entries differ in size.
TRIM = """
    local most = tonumber(ARGV[1])
    local used = redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 0)
    if not used or redis.call('TYPE', KEYS[1])['ok'] ~= 'stream' then
        return {0, 0}
    end
    local first = redis.call('XLEN', KEYS[1])
    local length = first
    while used > most and length > 1 do
        local surplus = math.ceil(length * (used - most) / used / 2)
        redis.call('XTRIM', KEYS[1], 'MAXLEN', math.max(1, length - surplus))
        length = redis.call('XLEN', KEYS[1])
        used = redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 0)
    end
    return {used, first - length}
"""


class StreamSizes:
    """How many bytes each stream of a service takes; known as measured, and estimated in between."""

    def __init__(
        self,
        redis: Redis,
        service_name: str,
        *,
        stream_bytes: int = MAX_STREAM_BYTES,
        total_bytes: int = MAX_TOTAL_BYTES,
    ) -> None:
        self._redis = redis
        self._service_name = service_name
        self._stream_bytes = stream_bytes
        self._total_bytes = total_bytes
        self._script = redis.register_script(TRIM)
        self._measured: dict[UUID, int] = {}
        self._appended: dict[UUID, int] = {}
        self._grown: set[UUID] = set()
        self._total = 0
        self._is_possible = True
        STREAM_LIMIT_BYTES.set(total_bytes)

    @property
    def total(self) -> int:
        """The bytes of all streams, about."""
        return self._total

    def note(self, factory_id: UUID, payloads: Iterable[Collection[Any]]) -> None:
        """Count events that have been appended to a factory's stream."""
        size = sum(len(payload) + ENTRY_BYTES for payload in payloads)
        appended = self._appended[factory_id] = self._appended.get(factory_id, 0) + size
        self._total += size
        if appended >= MEASURE_BYTES:
            self._grown.add(factory_id)

    def forget(self, factory_id: UUID) -> None:
        """Measure a factory's stream anew: it has changed by other means."""
        self._total -= self._measured.pop(factory_id, 0)

    async def measure_unknown(self, factory_ids: Iterable[UUID]) -> None:
        """Measure, and trim to the limit, the streams that have never been measured.

        Raises:
            RedisError, OSError, TimeoutError: Redis failed.
        """
        await self._trim([one for one in factory_ids if one not in self._measured], self._stream_bytes)

    async def keep_bounds(self) -> None:
        """Trim the streams that may have become too large, and the largest while all together are.

        Raises:
            RedisError, OSError, TimeoutError: Redis failed.
        """
        await self._trim(list(self._grown), self._stream_bytes)
        if self._is_possible and self._total > self._total_bytes:
            sizes = {one: self._measured.get(one, 0) + self._appended.get(one, 0) for one in self._known()}
            share = int(share_of(sizes.values(), int(self._total_bytes * _KEPT_SHARE)))
            await self._trim([one for one, size in sizes.items() if size > share], share)
        STREAM_BYTES.set(self._total)

    def _known(self) -> set[UUID]:
        return self._measured.keys() | self._appended.keys()

    async def _trim(self, factory_ids: Collection[UUID], most: int) -> None:
        if not factory_ids or not self._is_possible:
            return
        for factory_id, answer in zip(factory_ids, await self._run(factory_ids, most), strict=True):
            if isinstance(answer, ResponseError) and not isinstance(answer, NoScriptError):
                self._give_up(answer)
                return
            if isinstance(answer, RedisError):
                raise answer
            size, trimmed = map(int, answer)
            self._note_measured(factory_id, size)
            STREAM_TRIMMED.inc(trimmed)

    async def _run(self, factory_ids: Collection[UUID], most: int) -> list[Any]:
        answers = await self._evaluate(factory_ids, most)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            await self._redis.script_load(TRIM)
            answers = await self._evaluate(factory_ids, most)
        return answers

    async def _evaluate(self, factory_ids: Collection[UUID], most: int) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for factory_id in factory_ids:
                pipeline.evalsha(self._script.sha, 1, stream_key(self._service_name, factory_id), most)
            return list(await pipeline.execute(raise_on_error=False))

    def _note_measured(self, factory_id: UUID, size: int) -> None:
        before = self._measured.get(factory_id, 0) + self._appended.pop(factory_id, 0)
        self._measured[factory_id] = size
        self._total += size - before
        self._grown.discard(factory_id)

    def _give_up(self, error: ResponseError) -> None:
        """Trim no more: this server does not tell what a key takes."""
        self._is_possible = False
        why = "not permitted" if isinstance(error, NoPermissionError) else str(error)[:200]
        logger.warning(
            "Redis does not measure streams (MEMORY USAGE); they are bounded by their number of events only",
            extra={"error": why},
        )


def share_of(sizes: Iterable[int], total: int) -> float:
    """Return the size down to which the largest must be cut so that the sum is at most `total`."""
    ordered = sorted(sizes)
    left, count = float(total), len(ordered)
    for size in ordered:
        if size * count > left:
            return left / count
        left -= size
        count -= 1
    return float(ordered[-1]) if ordered else 0.0
