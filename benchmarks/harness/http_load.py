"""Loads an HTTP server from a process of its own: `python -m benchmarks.harness.http_load PORT PATH`.

Raw sockets and one prepared request, so that the generator costs far less than what it measures.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Final

import uvloop

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length: "


@dataclass(frozen=True)
class Load:
    """What came of one load: answers per second, latencies in milliseconds, answers other than 200."""

    rate: float
    p50_ms: float
    p99_ms: float
    errors: int


def load(port: int, path: str, *, connections: int, seconds: float) -> Load:
    """Load 127.0.0.1:`port` with closed-loop GET requests from another process."""
    command = [sys.executable, "-m", "benchmarks.harness.http_load", str(port), path]
    command += [f"--connections={connections}", f"--seconds={seconds}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 30)
    return Load(**json.loads(done.stdout))


class _Client(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last is complete."""

    def __init__(self, request: bytes, ends: float, done: asyncio.Future[None]) -> None:
        self.request = request
        self.ends = ends
        self.done = done
        self.latencies: list[float] = []
        self.errors = 0
        self._buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(_HEAD_END)
        if not end or len(body) < _content_length(head):
            return
        now = time.perf_counter()
        self.latencies.append(now - self.asked)
        self.errors += not head.startswith(b"HTTP/1.1 200")
        self._buffer = b""
        if now < self.ends:
            self._ask()
        else:
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _ask(self) -> None:
        self.asked = time.perf_counter()
        self.transport.write(self.request)


def _content_length(head: bytes) -> int:
    after = head.lower().partition(_LENGTH)[2]
    return int(after.split(b"\r\n", 1)[0])


async def _load(port: int, path: str, connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    request = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n\r\n".encode()
    started = time.perf_counter()
    clients = [_Client(request, started + seconds, loop.create_future()) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(client.done for client in clients))
    elapsed = time.perf_counter() - started
    latencies = [latency * 1000 for client in clients for latency in client.latencies]
    return Load(
        rate=len(latencies) / elapsed,
        p50_ms=statistics.median(latencies),
        p99_ms=statistics.quantiles(latencies, n=100)[98],
        errors=sum(client.errors for client in clients),
    )


def main() -> None:
    """Load, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description="Load an HTTP server on 127.0.0.1.")
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    outcome = uvloop.run(_load(arguments.port, arguments.path, arguments.connections, arguments.seconds))
    print(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main()
