"""Follows a plant's event stream (server-sent events), over breaks, without gap or duplicate."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import httpx

from vfactory.client.api import Json, PlantClient, check_answer, unreachable
from vfactory.client.errors import UnreachableError

_PATH = "/v1/events"
_LONGEST_PAUSE_SECONDS = 10.0


@dataclass(slots=True)
class Message:
    """One message of a stream as the standard defines it; `data` is None when it only moved the id."""

    event: str = "message"
    id: str | None = None
    data: str | None = None
    retry_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of a factory; `body` is the whole envelope (seq, type, factory_id, at, payload)."""

    seq: int
    type: str
    body: Json = field(repr=False)


def parse_messages(chunks: Iterable[bytes]) -> Iterator[Message]:
    """Yield the messages of a stream of bytes; comments (heartbeats) are dropped, half a message too.

    Lines end in LF, CR LF or CR and in nothing else: text may hold U+2028, which `str.splitlines` would cut.
    """
    message, data, begun = Message(), list[str](), False
    for line in _lines(chunks):
        if not line:
            if begun:
                message.data = "\n".join(data) if data else None
                yield message
            message, data, begun = Message(), [], False
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        begun = begun or bool(name)
        match name:
            case "event":
                message.event = value
            case "id" if "\0" not in value:
                message.id = value
            case "data":
                data.append(value)
            case "retry" if value.isascii() and value.isdigit():
                message.retry_seconds = int(value) / 1000


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        # A CR at the very end may be the first half of CR LF: it waits for what follows.
        text = rest + chunk
        held = text[-1:] == b"\r"
        *lines, rest = (
            (text[:-1] if held else text).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        )
        if held:
            rest += b"\r"
        for line in lines:
            yield line.decode("utf-8", "replace")


class EventStream:
    """One factory's events, from now or from after a known one, for as long as somebody iterates.

    Args:
        client: The connection to the plant.
        factory_id: Whose events.
        types: Only these event types; empty means all.
        after: The seq after which to begin; None means with what happens from now on.
        on_connect: Called when the plant has answered for the first time.
        on_break: Told in one sentence about every break and every loss.
    """

    def __init__(
        self,
        client: PlantClient,
        factory_id: str,
        *,
        types: tuple[str, ...] = (),
        after: int | None = None,
        on_connect: Callable[[], None] = lambda: None,
        on_break: Callable[[str], None],
    ) -> None:
        self._client = client
        self._parameters: dict[str, str] = {"factory": factory_id}
        if types:
            self._parameters["types"] = ",".join(types)
        self._after = after
        self._on_connect = on_connect
        self._on_break = on_break
        self._pause_seconds = 2.0
        self._connected = False
        self._failures = 0

    def __iter__(self) -> Iterator[StreamEvent]:
        """Yield events in their order, each once.

        Raises:
            UnreachableError: The first connection fails; later ones are tried again for ever.
            RefusedError: The plant says no.
        """
        while True:
            try:
                yield from self._connection()
                reason = "the stream ended"
            except UnreachableError as error:
                if not self._connected:
                    raise
                reason = str(error)
            self._failures += 1
            pause = min(self._pause_seconds * 2.0 ** min(self._failures - 1, 8), _LONGEST_PAUSE_SECONDS)
            self._on_break(f"{reason}; connecting again in {pause:.0f} s")
            time.sleep(pause)

    def _connection(self) -> Iterator[StreamEvent]:
        headers = {} if self._after is None else {"Last-Event-ID": str(self._after)}
        url = self._client.plant.urls["incident-event"]
        try:
            with self._client.open_stream("incident-event", _PATH, self._parameters, **headers) as answer:
                if not answer.is_success:
                    answer.read()
                    check_answer("incident-event", answer)
                if not self._connected:
                    self._connected = True
                    self._on_connect()
                for message in parse_messages(answer.iter_bytes()):
                    self._failures = 0
                    event = self._take(message)
                    if event is not None:
                        yield event
        except httpx.TransportError as error:
            raise unreachable("incident-event", url, error) from error

    def _take(self, message: Message) -> StreamEvent | None:
        if message.retry_seconds is not None:
            self._pause_seconds = message.retry_seconds
        seq = int(message.id) if message.id is not None and message.id.isdigit() else None
        if message.event == "reset":
            self._note_loss(seq)
            return None
        if seq is None or (self._after is not None and seq <= self._after):
            return None
        self._after = seq
        if message.data is None:
            return None
        body: Mapping[str, object] = json.loads(message.data)
        return StreamEvent(seq, message.event, dict(body))

    def _note_loss(self, head: int | None) -> None:
        before = "the beginning" if self._after is None else f"event {self._after}"
        self._on_break(f"events after {before} are no longer kept; going on from event {head}")
        if head is not None:
            self._after = head
