import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from embedded import free_port
from vfactory.stack.health_checks import accepts_connections, ask_health, ask_troubles, troubles

UNHEALTHY = {
    "status": "unhealthy",
    "timestamp": "2026-01-15T10:30:00Z",
    "database": "disconnected",
    "database_error": "Connection refused",
    "redis": "connected",
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        self.send_response(server.status)
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, *_: object) -> None:
        return


class Server(HTTPServer):
    status = 200
    body = b"{}"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_a_200_is_healthy(server: Server) -> None:
    server.body = b'{"status": "healthy"}'
    answer = ask_health(url(server))
    assert answer.is_healthy
    assert answer.describe() == "healthy"


def test_a_503_says_what_is_missing(server: Server) -> None:
    server.status, server.body = 503, json.dumps(UNHEALTHY).encode()
    answer = ask_health(url(server))
    assert not answer.is_healthy
    assert answer.body == UNHEALTHY
    assert answer.describe() == "database: Connection refused"


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b""])
def test_another_program_on_the_port_is_not_taken_for_a_service(body: bytes, server: Server) -> None:
    server.body = body
    assert not ask_health(url(server)).is_healthy


def test_nobody_there_is_an_answer_too() -> None:
    port = free_port()
    assert "refused" in ask_health(f"http://127.0.0.1:{port}").describe()
    assert not accepts_connections(f"127.0.0.1:{port}")


def test_somebody_who_never_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert not ask_health(f"http://127.0.0.1:{port}", timeout=0.2).is_healthy
        assert accepts_connections(f"127.0.0.1:{port}")


def test_what_a_process_cannot_write_is_read_from_its_metrics(server: Server) -> None:
    server.body = (
        b'vfactory_dependency_writable{dependency="database"} 0.0\n'
        b'vfactory_dependency_write_fault{dependency="database",fault="disk full"} 1.0\n'
        b'vfactory_dependency_write_fault{dependency="redis",fault="too few replicas"} 1.0\n'
    )
    url = f"http://127.0.0.1:{server.server_port}"
    assert ask_troubles(url) == ["takes no writes: database: disk full, redis: too few replicas"]
    server.body = b'vfactory_dependency_writable{dependency="database"} 1.0\n'
    assert ask_troubles(url) == []


def test_a_process_that_does_not_answer_tells_of_no_trouble() -> None:
    assert ask_troubles(f"http://127.0.0.1:{free_port()}") == []


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ("", []),
        ('vfactory_dependency_write_fault{dependency="database",fault="disk full"} 0.0', []),
        ('vfactory_consumer_impaired_factories{publisher="factory-core"} 0.0', []),
        (
            'vfactory_consumer_impaired_factories{publisher="factory-core"} 1.0',
            ["1 factory is impaired: see vfactory set-aside list"],
        ),
        (
            """vfactory_dependency_write_fault{dependency="database",fault="disk full"} 1.0
vfactory_dependency_write_fault{dependency="redis",fault="read-only"} 1.0
vfactory_consumer_impaired_factories{publisher="factory-core"} 12.0""",
            [
                "takes no writes: database: disk full, redis: read-only",
                "12 factories are impaired: see vfactory set-aside list",
            ],
        ),
    ],
)
def test_what_troubles_a_healthy_process_is_read_from_its_metrics(shown: str, told: list[str]) -> None:
    assert troubles(f"# HELP some\n{shown}\nother 1.0\n") == told
