"""HTTP spoken byte by byte, for what no client library would send."""

import json
import re
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PROBLEM_KEYS = {"type", "title", "status", "detail", "instance", "request_id"}


@dataclass(frozen=True)
class Answer:
    """What came back until the answer was whole, or until the connection or the time ended."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def problem(self) -> Any:
        """The problem document, which every refusal is."""
        assert self.headers["content-type"] == "application/problem+json", self
        document = json.loads(self.body)
        assert document.keys() >= PROBLEM_KEYS
        assert document["status"] == self.status
        assert document["request_id"] == self.headers["x-request-id"]
        return document


def talk(
    url: str, *parts: bytes, seconds: float = 10, pause: float = 0, until: bytes | None = None
) -> Answer | None:
    """Send bytes as they are, with a pause between parts, and read one answer; None where none came in time.

    An answer without a length (a stream) is read up to `until` in its body, or to its end.
    """
    address = urlsplit(url)
    began = time.monotonic()
    received = b""
    with socket.create_connection((address.hostname, address.port), timeout=seconds) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            while not _is_whole(received, until) and time.monotonic() - began < seconds:
                block = connection.recv(65536)
                if not block:
                    break
                received += block
        except (TimeoutError, ConnectionError):
            pass
    return _parse(received, time.monotonic() - began)


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    """Write a request; what its headers say about its body is the caller's affair."""
    return "\r\n".join([line, "Host: test", *headers, "", ""]).encode("utf-8") + body


def _is_whole(received: bytes, until: bytes | None) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, flags=re.IGNORECASE)
    if length is None:
        return bool(end) and until is not None and until in body
    return len(body) >= int(length[1])


def _parse(received: bytes, seconds: float) -> Answer | None:
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return None
    line, *fields = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    return Answer(int(line.split()[1]), headers, body, seconds)
