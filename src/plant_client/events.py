"""The state of an event stream, for both clients: reads messages, tracks the position; does no I/O."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from httpx_sse import ServerSentEvent

from plant_client.errors import UnreachableError
from plant_client.plant import Json, Service

SERVICE: Final[Service] = "incident-event"
PATH: Final = "/v1/events"
NO_POSITION: Final = f"{SERVICE} ended the stream of events before it told its position"
_LARGEST_SEQ = 2**63 - 1
_SEQ_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a factory; `body` is the whole envelope (seq, type, factory_id, at, payload)."""

    seq: int
    type: str
    body: Json = field(repr=False)

    @property
    def payload(self) -> Json:
        """The event's payload; empty if it has none."""
        payload = self.body.get("payload")
        return payload if isinstance(payload, dict) else {}


@dataclass(frozen=True, slots=True)
class Reset:
    """Events after seq `after` (None: from the first on) are lost, so the state must be read again.

    The stream continues after seq `head` (None: the plant did not say).
    """

    after: int | None
    head: int | None

    def __str__(self) -> str:
        before = "the beginning" if self.after is None else f"event {self.after}"
        head = "the next event" if self.head is None else f"event {self.head}"
        return f"events after {before} are no longer kept; going on from {head}"


@dataclass(frozen=True, slots=True)
class Break:
    """The stream has ended, in good order if `error` is None; the next attempt follows after the pause."""

    error: UnreachableError | None
    pause_seconds: float

    def __str__(self) -> str:
        return f"{self.error or 'the stream ended'}; connecting again in {self.pause_seconds:.3g} s"


def _ignore(*_: object) -> None:
    return


class Subscription:
    """One factory's events: new ones, or those after a known seq. Following it again resumes at `position`.

    Args:
        factory_id: The factory.
        types: The event types to receive; empty means all.
        after: The seq after which to begin; None means only new events.
        on_connect: Called once, when the position is known, so that no later event can be missed.
        on_break: Called at every break.
        silence_seconds: A connection silent for this long is closed; the plant sends something every 15 s.
        shortest_pause_seconds: The shortest pause between attempts, whatever the plant asks for.
        longest_pause_seconds: The longest pause between attempts; it doubles until events are read again.

    Attributes:
        position: The seq to resume after; None until it is known.
        connections: How many connections there have been.
        repeated: How many repeated events were dropped.
    """

    def __init__(
        self,
        factory_id: str,
        *,
        types: tuple[str, ...] = (),
        after: int | None = None,
        on_connect: Callable[[], None] = _ignore,
        on_break: Callable[[Break], None] = _ignore,
        silence_seconds: float = 60.0,
        shortest_pause_seconds: float = 1.0,
        longest_pause_seconds: float = 10.0,
    ) -> None:
        self.parameters = {"factory": factory_id, **({"types": ",".join(types)} if types else {})}
        self.silence_seconds = silence_seconds
        self.position = after
        self.connections = 0
        self.repeated = 0
        self._on_connect = on_connect
        self._on_break = on_break
        self._pause_seconds = 2.0
        self._shortest_pause_seconds = shortest_pause_seconds
        self._longest_pause_seconds = longest_pause_seconds
        self._failures = 0
        self._stands = False

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the next connection."""
        resume = {} if self.position is None else {"Last-Event-ID": str(self.position)}
        return {"Accept": "text/event-stream", "Cache-Control": "no-store", **resume}

    def note_connection(self) -> None:
        """Record that the plant has answered with a stream."""
        self.connections += 1
        self._note_position()

    def note_break(self, error: UnreachableError | None = None) -> float:
        """Record that the stream has ended; return how many seconds to wait before the next attempt.

        Raises:
            UnreachableError: `error` itself, if there has been no connection yet.
        """
        if error is not None and not self.connections:
            raise error
        self._failures += 1
        pause = min(self._pause_seconds * 2.0 ** min(self._failures - 1, 8), self._longest_pause_seconds)
        self._on_break(Break(error, pause))
        return pause

    def take(self, message: ServerSentEvent) -> Event | Reset | None:
        """Return the message's event or reset; None if it only moves the position or repeats an event.

        Raises:
            UnreachableError: The message cannot be read; the plant sends it again on the next connection.
        """
        if message.retry is not None:
            milliseconds = max(message.retry, self._shortest_pause_seconds * 1000)
            self._pause_seconds = min(milliseconds, self._longest_pause_seconds * 1000) / 1000
        seq = _read_seq(message.id)
        if message.event == "reset":
            return self._reset(seq)
        if seq is None or (self.position is not None and seq <= self.position):
            self.repeated += bool(message.data)
            return None
        event = Event(seq, message.event, _read_body(seq, message.data)) if message.data else None
        self.position = seq
        self._failures = 0
        self._note_position()
        return event

    def _reset(self, head: int | None) -> Reset:
        after, self.position = self.position, self.position if head is None else head
        self._note_position()
        return Reset(after, head)

    def _note_position(self) -> None:
        if self.position is not None and not self._stands:
            self._stands = True
            self._on_connect()


def _read_seq(text: str) -> int | None:
    seq = int(text) if text.isascii() and text.isdigit() and len(text) <= _SEQ_DIGITS else None
    return None if seq is None or seq > _LARGEST_SEQ else seq


def _read_body(seq: int, data: str) -> Json:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise UnreachableError(f"event {seq} of {SERVICE} cannot be read")
    return body
