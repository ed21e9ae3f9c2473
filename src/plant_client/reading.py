"""Bounds what is read of a plant's answers, in size and in time; does no I/O."""

import time
import zlib
from collections.abc import AsyncIterable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import httpx

from plant_client.errors import UnreachableError
from plant_client.plant import Service

ACCEPTED_ENCODING: Final = "gzip"
_MEBIBYTE = 1024 * 1024
_PIECE_BYTES = 65_536
_GZIP = 16 + zlib.MAX_WBITS
_BLANK_LINES = (b"\n\n", b"\n\r", b"\r\r")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client reads at most.

    Args:
        answer_bytes: The size of an answer, unpacked.
        answer_seconds: The time from an answer's headers to its end.
        message_bytes: The size of one message of an event stream, unpacked.
    """

    answer_bytes: int = 64 * _MEBIBYTE
    answer_seconds: float = 300.0
    message_bytes: int = 8 * _MEBIBYTE


class Unpacker:
    """Unpacks the body of an answer into pieces of at most 64 KiB, however well it is compressed."""

    def __init__(self, answer: httpx.Response) -> None:
        self._encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
        self._unzip = zlib.decompressobj(_GZIP)
        self._is_begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes of the body hold.

        Raises:
            httpx.DecodingError: The bytes cannot be unpacked.
        """
        if self._encoding in {"", "identity"}:
            yield data
            return
        if self._encoding not in {"gzip", "x-gzip"}:
            raise httpx.DecodingError("the answer has an encoding that was not asked for")
        if data and self._unzip.eof:
            raise httpx.DecodingError("the answer goes on after its packed part")
        self._is_begun = True
        piece = b""
        while data or len(piece) == _PIECE_BYTES:
            try:
                piece = self._unzip.decompress(data, _PIECE_BYTES)
            except zlib.error:
                raise httpx.DecodingError("the answer cannot be unpacked") from None
            data = self._unzip.unconsumed_tail
            yield piece

    def end(self) -> None:
        """Accept the end of the body.

        Raises:
            httpx.DecodingError: The packed body is cut off.
        """
        if self._is_begun and not self._unzip.eof:
            raise httpx.DecodingError("the packed answer is cut off")


class Body:
    """Collects the body of an answer within the limits."""

    def __init__(self, service: Service, answer: httpx.Response, limits: Limits) -> None:
        self._service = service
        self._answer = answer
        self._limits = limits
        self._unpacker = Unpacker(answer)
        self._content = bytearray()
        self._until = time.monotonic() + limits.answer_seconds

    def add(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            UnreachableError: The answer is too large, or takes too long.
            httpx.DecodingError: The bytes cannot be unpacked.
        """
        if time.monotonic() > self._until:
            raise self._refuse(f"takes longer than {self._limits.answer_seconds:g} s")
        for piece in self._unpacker.feed(data):
            self._content += piece
            if len(self._content) > self._limits.answer_bytes:
                raise self._refuse(f"is larger than {self._limits.answer_bytes:,} bytes")

    def whole(self) -> httpx.Response:
        """Return the answer with its whole body, unpacked.

        Raises:
            httpx.DecodingError: The packed body is cut off.
        """
        self._unpacker.end()
        stale = {b"content-encoding", b"transfer-encoding"}
        stale |= {b"content-length"} if self._content else set()
        return httpx.Response(
            self._answer.status_code,
            headers=[(name, value) for name, value in self._answer.headers.raw if name.lower() not in stale],
            content=bytes(self._content),
            request=self._answer.request,
            extensions=self._answer.extensions,
        )

    def _refuse(self, wrong: str) -> UnreachableError:
        return UnreachableError(f"the answer of {self._service} {wrong}", self._answer.status_code)


class MessageMeter:
    """Measures the messages of an event stream, which end with a blank line."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service = service
        self._most = limits.message_bytes
        self._size = 0
        self._last = b""

    def add(self, piece: bytes) -> None:
        """Measure the next bytes of the stream.

        Raises:
            UnreachableError: A message, or a line of it, is too long.
        """
        window = self._last + piece
        end = max(window.rfind(blank) for blank in _BLANK_LINES)
        self._size = self._size + len(piece) if end < 0 else len(window) - end - 2
        self._last = window[-1:]
        if self._size > self._most:
            raise UnreachableError(f"{self._service} sent a message of more than {self._most:,} bytes")


def stream_of(pieces: Iterable[bytes] | AsyncIterable[bytes]) -> httpx.Response:
    """Return an answer that streams `pieces`, iterable or asynchronously iterable, as UTF-8.

    UTF-8 is the standard's only encoding, whatever the plant's header says.
    """
    return httpx.Response(
        200,
        headers={"Content-Type": "text/event-stream; charset=utf-8"},
        content=pieces,
    )
