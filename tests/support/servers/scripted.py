"""A web server that answers by a script: what a client may meet out there, breaks included."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from plant_client import Plant, PlantClient

Answer = tuple[int, str, bytes | Iterable[bytes]]
"""Status, content type, body; a body in parts is sent part by part until the client has gone."""


@dataclass
class Request:
    """What arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedServer:
    """Answers requests one after the other; the last answer stays."""

    answers: list[Answer]
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def plant(self) -> Plant:
        return Plant({"factory-core": self.url, "incident-event": self.url}, lambda: "token")


@contextmanager
def serve(*answers: Answer) -> Iterator[ScriptedServer]:
    """Run a server with this script on a free port."""
    script = ScriptedServer(list(answers))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def connect(*answers: Answer) -> Iterator[tuple[ScriptedServer, PlantClient]]:
    """Run a server with this script, and a client of it."""
    with serve(*answers) as server, PlantClient(server.plant) as client:
        yield server, client


def _handler(script: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.requests.append(Request(self.command, self.path, headers, self.rfile.read(length)))
            status, content_type, body = script.next_answer()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            with suppress(ConnectionError):
                for part in [body] if isinstance(body, bytes) else body:
                    self.wfile.write(part)

        do_GET: Callable[..., None] = handle_one  # noqa: N815 - the base class asks for it
        do_POST: Callable[..., None] = handle_one  # noqa: N815 - the same

        def log_message(self, *_: object) -> None:
            return

    return Handler
