"""A receiver that speaks like Slack's incoming webhooks, and remembers what it is sent and when."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

LARGEST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Message:
    """What was posted to a path, and when, in seconds since 1970."""

    at: float
    path: str
    body: Any

    @property
    def title(self) -> str:
        """A Slack message's title; empty when it has none."""
        return str(self._attachment().get("title", ""))

    @property
    def text(self) -> str:
        """A Slack message's text; empty when it has none."""
        return str(self._attachment().get("text", ""))

    @property
    def title_link(self) -> str:
        """Where a Slack message's title leads; empty when nowhere."""
        return str(self._attachment().get("title_link", ""))

    def _attachment(self) -> dict[str, Any]:
        attachments = self.body.get("attachments") if isinstance(self.body, dict) else None
        return attachments[0] if attachments else {}


@dataclass
class Receiver:
    """Where it listens, and what has come so far, the oldest first."""

    url: str = ""
    _messages: list[Message] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def take(self, message: Message) -> None:
        """Remember a message."""
        with self._guard:
            self._messages.append(message)

    def messages(self, path: str = "") -> list[Message]:
        """What was posted to `path`, or to any."""
        with self._guard:
            return [message for message in self._messages if path in {"", message.path}]


@contextmanager
def receive() -> Iterator[Receiver]:
    """Listen on a free port of this machine for as long as the block runs."""
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length", 0)), LARGEST_BYTES)
            try:
                body = json.loads(self.rfile.read(length))
            except ValueError:
                self._answer(400, b"invalid_payload")
                return
            receiver.take(Message(time.time(), self.path, body))
            self._answer(200, b"ok")

        def log_message(self, *_: object) -> None:
            return

        def _answer(self, status: int, text: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    return Handler
