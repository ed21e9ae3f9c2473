"""Appends events to Redis streams without gaps, and reads how far each stream reaches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from utils.clock import to_rfc3339
from utils.outbox import StoredEvent
from utils.streams import Seal, index_key, stream_key

STREAM_EVENTS = 10_000
INDEX_ENTRIES = 100_000

# KEYS: the stream. ARGV: how many entries to keep; 1 if the first event may leave a gap; then for each event
# its seq, type, factory, time, payload, trace and seal (empty: none). Returns the seq of the newest entry (0:
# none), and 1 if the stream was created. Events already in the stream are skipped, so a call can be repeated;
# an event that would leave a gap is not appended, nor is any after it. What somebody else has put in the way
# (another event under this seq, a stream that takes no such id, no stream at all) is deleted: the events are
# then appended anew.
APPEND = """
    local kind = redis.call('TYPE', KEYS[1])['ok']
    if kind ~= 'stream' and kind ~= 'none' then
        redis.call('DEL', KEYS[1])
    end
    local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
    local last = 0
    local born = 0
    if newest[1] then
        last = tonumber(string.match(newest[1][1], '^%d+'))
    elseif #ARGV > 2 then
        born = 1
        redis.call('DEL', KEYS[1])
    end
    local jump = ARGV[2] == '1'
    for i = 3, #ARGV, 7 do
        local seq = tonumber(ARGV[i])
        if seq <= last and i == 3 then
            local there = redis.call('XRANGE', KEYS[1], ARGV[i] .. '-0', ARGV[i] .. '-0')[1]
            local fields = {}
            for j = 1, there and #there[2] or 0, 2 do
                fields[there[2][j]] = there[2][j + 1]
            end
            if there and (fields['payload'] ~= ARGV[i + 4] or (fields['seal'] or '') ~= ARGV[i + 6]) then
                redis.call('DEL', KEYS[1])
                return {0, 0}
            end
        end
        if seq > last then
            if seq ~= last + 1 and not jump then
                break
            end
            local entry = {'seq', ARGV[i], 'type', ARGV[i + 1], 'factory_id', ARGV[i + 2],
                'at', ARGV[i + 3], 'payload', ARGV[i + 4]}
            if ARGV[i + 5] ~= '' then
                entry[11], entry[12] = 'trace', ARGV[i + 5]
            end
            if ARGV[i + 6] ~= '' then
                entry[#entry + 1], entry[#entry + 2] = 'seal', ARGV[i + 6]
            end
            local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], ARGV[i] .. '-0', unpack(entry))
            if type(added) == 'table' and added['err'] then
                if string.find(added['err'], 'equal or smaller') then
                    redis.call('DEL', KEYS[1])
                    return {0, 0}
                end
                return added
            end
            last = seq
            jump = false
        end
    end
    if last == 0 then
        born = 0
    end
    return {last, born}
"""


@dataclass(frozen=True)
class Batch:
    """Consecutive events of one factory, to be appended to its stream.

    `keep` is how many entries the stream keeps; `may_jump` allows a gap before the first event.
    """

    events: Sequence[StoredEvent]
    keep: int = STREAM_EVENTS
    may_jump: bool = False

    def arguments(self, seal: Seal) -> list[str | bytes | int]:
        """Return the script's arguments."""
        arguments: list[str | bytes | int] = [self.keep, int(self.may_jump)]
        for event in self.events:
            arguments += (
                event.seq,
                event.type,
                str(event.factory_id),
                to_rfc3339(event.at),
                bytes(event.payload),
                event.trace or "",
                seal.of(event),
            )
        return arguments


class Appender:
    """Writes the streams of one service, for its relay."""

    def __init__(self, redis: Redis, service_name: str, sealing_key: SecretStr | None = None) -> None:
        self._redis = redis
        self._seal = Seal(service_name, sealing_key)
        self._service_name = service_name
        self._script = redis.register_script(APPEND)

    async def append(self, batches: Mapping[UUID, Batch]) -> dict[UUID, int]:
        """Append each factory's batch; return the newest seq of each stream afterwards.

        Raises:
            RedisError, OSError, TimeoutError: Redis failed; some batches may have been appended.
        """
        answers = await self._run(batches)
        reached = {factory_id: int(answer[0]) for factory_id, answer in zip(batches, answers, strict=True)}
        born = [factory_id for factory_id, answer in zip(batches, answers, strict=True) if answer[1]]
        if born:
            await self.announce(born)
        return reached

    async def last(self, factory_ids: Sequence[UUID]) -> dict[UUID, int]:
        """Return the newest seq of each factory's stream; 0 for a factory without a stream."""
        return await self.append(dict.fromkeys(factory_ids, Batch(())))

    async def delete(self, factory_id: UUID) -> None:
        """Delete a factory's stream, which holds events that its service's log lacks."""
        await self._redis.delete(stream_key(self._service_name, factory_id))

    async def has_index(self) -> bool:
        """Return whether the index of streams exists."""
        return bool(await self._redis.type(index_key(self._service_name)) == b"stream")

    async def announce(self, factory_ids: Sequence[UUID]) -> None:
        """Add these factories to the index of streams."""
        try:
            await self._add_to_index(factory_ids)
        except ResponseError:  # something else has the key, or an id that none can follow
            await self._redis.delete(index_key(self._service_name))
            await self._add_to_index(factory_ids)

    async def _add_to_index(self, factory_ids: Sequence[UUID]) -> None:
        key = index_key(self._service_name)
        async with self._redis.pipeline(transaction=False) as pipeline:
            for factory_id in factory_ids:
                pipeline.xadd(key, {"factory_id": str(factory_id)}, maxlen=INDEX_ENTRIES, approximate=True)
            await pipeline.execute()

    async def _run(self, batches: Mapping[UUID, Batch]) -> list[Any]:
        answers = await self._evaluate(batches)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            await self._redis.script_load(APPEND)
            answers = await self._evaluate(batches)
        for answer in answers:
            if isinstance(answer, RedisError):
                raise answer
        return answers

    async def _evaluate(self, batches: Mapping[UUID, Batch]) -> list[Any]:
        calls = [
            (stream_key(self._service_name, factory_id), batch.arguments(self._seal))
            for factory_id, batch in batches.items()
        ]
        if len(calls) == 1:
            return [await self._evaluate_one(*calls[0])]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key, arguments in calls:
                pipeline.evalsha(self._script.sha, 1, key, *arguments)
            return list(await pipeline.execute(raise_on_error=False))

    async def _evaluate_one(self, key: str, arguments: Sequence[str | bytes | int]) -> Any:
        """Run the script for one stream, the usual case, in half the time that a pipeline takes."""
        try:
            return await self._redis.evalsha(self._script.sha, 1, key, *arguments)
        except NoScriptError as error:
            return error
