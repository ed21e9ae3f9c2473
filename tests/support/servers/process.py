"""A process of ours on a free port."""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from embedded import free_port

READY_SECONDS = 40.0


class RunningProcess:
    """A process of ours on a free port, with every line it writes.

    Unpacks into (base_url, process, lines).
    """

    def __init__(
        self, module: str, command: str, environment: Mapping[str, str], *, cwd: Path, port: int | None = None
    ) -> None:
        self.port = port or free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, command],
            env={**environment, "HOST": "127.0.0.1", "PORT": str(self.port)},
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._readers = [
            self._reader(self.process.stdout, self.stdout),
            self._reader(self.process.stderr, self.stderr),
        ]

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        return iter((self.base_url, self.process, self.lines))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait_ready(self, path: str = "/health/live") -> Self:
        """Wait until the process answers; fails with its log when it ends or takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        with httpx.Client(timeout=2) as client:
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    break
                with contextlib.suppress(httpx.TransportError):
                    client.get(self.base_url + path)
                    return self
                time.sleep(0.03)
        self.kill()
        raise AssertionError("the process did not become ready:\n" + "\n".join(self.lines[-40:]))

    def wait_exit(self, timeout: float = 20) -> int:
        """Wait for the process to end by itself and give its exit code."""
        code = self.process.wait(timeout)
        self._drain()
        return code

    def stop(self, timeout: float = 20) -> int:
        """End the process cleanly (SIGTERM) and give its exit code."""
        self.ask_to_end()
        try:
            return self.wait_exit(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the process did not end:\n" + "\n".join(self.lines[-40:])) from None

    def ask_to_end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()

    def kill(self) -> None:
        """End the process at once (SIGKILL)."""
        self.process.kill()
        self.process.wait()
        self._drain()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def _reader(self, pipe: IO[bytes] | None, into: list[str]) -> threading.Thread:
        assert pipe is not None

        def read() -> None:
            with pipe:
                for line in pipe:
                    text = line.decode("utf-8", "replace").rstrip("\n")
                    into.append(text)
                    self.lines.append(text)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def _drain(self) -> None:
        for reader in self._readers:
            reader.join(5)


def stop_all(processes: Iterable[RunningProcess]) -> None:
    """End processes cleanly, all at a time; every one is stopped, whichever of them fails to."""
    asked = list(processes)
    for process in asked:
        process.ask_to_end()
    with ExitStack() as stack:
        for process in asked:
            stack.callback(process.stop)
