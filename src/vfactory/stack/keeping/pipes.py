"""Passes on the lines that a process writes to its standard output and error, until it ends."""

import os
import selectors
import subprocess
from collections.abc import Callable
from typing import Final

CHUNK_BYTES: Final = 65_536
LONGEST_LINE_BYTES: Final = 1024 * 1024
TICK_SECONDS: Final = 1.0

Sink = Callable[[str, list[bytes]], None]


class Lines:
    """Cuts one stream into lines, and passes each on with its line feed."""

    def __init__(self, stream: str, sink: Sink) -> None:
        self._stream = stream
        self._sink = sink
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Add the next bytes, and pass on the lines that they complete."""
        *whole, rest = (self._rest + data).split(b"\n")
        if len(rest) > LONGEST_LINE_BYTES:
            whole.append(rest)
            rest = b""
        self._rest = rest
        if whole:
            self._sink(self._stream, [line + b"\n" for line in whole])

    def end(self) -> None:
        """Pass on a last line without a line feed."""
        if self._rest:
            self.feed(b"\n")


def carry_lines(process: subprocess.Popen[bytes], streams: dict[int, str], sink: Sink) -> int:
    """Pass every line to `sink` until the process has ended and all its output is read; return its exit code.

    Args:
        process: the process; a descendant that keeps the pipes open does not delay the return.
        streams: the reading ends of its pipes, closed here, with the names that `sink` gets.
        sink: gets lines of one stream; called without lines about once a second, so that it can retry.
    """
    lines = {descriptor: Lines(name, sink) for descriptor, name in streams.items()}
    with selectors.DefaultSelector() as selector:
        for descriptor in streams:
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map() and process.poll() is None:
            ready = selector.select(TICK_SECONDS)
            for key, _ in ready:
                if _read(key.fd, lines[key.fd]) == b"":
                    selector.unregister(key.fd)
            if not ready:
                sink("", [])
    code = process.wait()
    for descriptor, stream in lines.items():
        while _read(descriptor, stream):
            pass
        stream.end()
        os.close(descriptor)
    return code


def _read(descriptor: int, lines: Lines) -> bytes | None:
    """Pass on and return the bytes that can be read: b"" at the end, None if there are none yet."""
    try:
        data = os.read(descriptor, CHUNK_BYTES)
    except BlockingIOError:
        return None
    lines.feed(data)
    return data
