"""Watches processes from outside: the memory that each takes at most, and how long each probe takes.

A process of its own, so that what a test does does not slow the probes down.
"""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import psutil

PATIENCE_SECONDS = 20.0
PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Seen:
    """By process: its peak memory in bytes, its longest probe, and the probes that were not answered 200."""

    peak_bytes: Mapping[str, int]
    slowest_seconds: Mapping[str, float]
    failed: Mapping[str, list[str]]


class Watched:
    """Watches while the block runs; `seen` afterwards."""

    def __init__(self, pids: Mapping[str, int], ports: Mapping[str, int], path: str = "/health/live") -> None:
        self._command = [sys.executable, __file__]
        self._task = json.dumps({"pids": dict(pids), "ports": dict(ports), "path": path})
        self.seen = Seen({}, {}, {})

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [*self._command, self._task], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        answer, _ = self._process.communicate()
        self.seen = Seen(**json.loads(answer))


def _probe(name: str, port: int, path: str, seen: dict[str, Any], ended: threading.Event) -> None:
    while not ended.is_set():
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            outcome = str(answer.status)
        except OSError as error:
            outcome = repr(error)
        finally:
            connection.close()
        seen["slowest_seconds"][name] = max(seen["slowest_seconds"][name], time.monotonic() - began)
        if outcome != "200":
            seen["failed"][name].append(outcome)
        ended.wait(PAUSE_SECONDS)


def _wait_for_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def main() -> None:
    """Watch until standard input ends; print what was seen."""
    task = json.loads(sys.argv[1])
    seen: dict[str, Any] = {
        "peak_bytes": dict.fromkeys(task["pids"], 0),
        "slowest_seconds": dict.fromkeys(task["ports"], 0.0),
        "failed": {name: [] for name in task["ports"]},
    }
    ended = threading.Event()
    threads = [
        threading.Thread(target=_probe, args=(name, port, task["path"], seen, ended))
        for name, port in task["ports"].items()
    ]
    threads.append(threading.Thread(target=_wait_for_end, args=(ended,)))
    for thread in threads:
        thread.start()
    processes = {name: psutil.Process(pid) for name, pid in task["pids"].items()}
    while not ended.is_set():
        for name, process in processes.items():
            seen["peak_bytes"][name] = max(seen["peak_bytes"][name], process.memory_info().rss)
        ended.wait(PAUSE_SECONDS)
    for thread in threads:
        thread.join()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
