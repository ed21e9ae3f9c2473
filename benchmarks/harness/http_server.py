"""Serves an application of a benchmark from a process of its own, the same way for every subject."""

import argparse
import contextlib
import importlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

import uvicorn

from embedded import free_port

READY_SECONDS = 30.0


@contextlib.contextmanager
def served(factory: str, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """Serve what `module:function` makes, log thrown away, and give its port on 127.0.0.1.

    Raises:
        TimeoutError: it does not listen within 30 s.
    """
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.harness.http_server", factory, str(port)]
    process = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on 127.0.0.1:{port}")


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(description="Serve an application of a benchmark.")
    parser.add_argument("factory", help="module:function")
    parser.add_argument("port", type=int)
    arguments = parser.parse_args()
    module, _, name = arguments.factory.partition(":")
    app = getattr(importlib.import_module(module), name)()
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=arguments.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
    )


if __name__ == "__main__":
    main()
