"""P4: what one JSON log line with three extras costs."""  # noqa: A005 - `make bench ONLY=logging`

import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from pythonjsonlogger.orjson import OrjsonFormatter

from benchmarks.harness import Goal, Options, Result, interleave
from utils.logging import configure_logging, logger

_EXTRA: Final = {"factory_id": "01936b7e-7c1a-7d2e-8f00-1b2c3d4e5f60", "accepted": 1000, "duration_ms": 12.75}
_MESSAGE: Final = "배치 저장 완료: 측정값 %d개"
_STANDARD: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})
_OPTIONS: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


def run(options: Options) -> list[Result]:
    """Compare microseconds per line, everything written to one pipe, one write per line.

    Baselines: python-json-logger with its orjson formatter, and the least a `logging.Handler` with orjson
    can do.
    Limit: one dict, one orjson call and one write, without logger, level, context or safety.
    """
    lines = options.scaled(20_000, 500)
    with _stdout_to_pipe() as pipe:
        configure_logging("factory-core", "INFO")
        subjects = {
            "ours": logger,
            "peer": _with_handler("benchmark.peer", _peer_handler(pipe)),
            "direct": _with_handler("benchmark.direct", _DirectHandler()),
        }
        calls = {name: _timed(lines, _call(subject)) for name, subject in subjects.items()}
        samples = interleave({**calls, "limit": _timed(lines, _bare)}, options)
    ours, limit = samples["ours"], samples["limit"]
    return [
        Goal("P4", "log line / python-json-logger (orjson)", "µs", 0.7, "at most").judge(
            ours, samples["peer"], limit
        ),
        Goal("P4", "log line / direct orjson handler", "µs", 1.2, "at most").judge(
            ours, samples["direct"], limit
        ),
    ]


@contextmanager
def _stdout_to_pipe() -> Iterator[int]:
    """Point file descriptor 1 at a program that reads everything, as a container runtime does."""
    saved = os.dup(1)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader:
        pipe = reader.stdin
        if pipe is None:
            raise RuntimeError("the reader has no pipe")
        os.dup2(pipe.fileno(), 1)
        try:
            yield 1
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            pipe.close()


def _timed(lines: int, log: Callable[[], object]) -> Callable[[], float]:
    def measure() -> float:
        began = time.perf_counter()
        for _ in range(lines):
            log()
        return (time.perf_counter() - began) / lines * 1e6

    return measure


def _call(subject: logging.Logger) -> Callable[[], None]:
    return lambda: subject.info(_MESSAGE, 1000, extra=_EXTRA)


def _with_handler(name: str, handler: logging.Handler) -> logging.Logger:
    subject = logging.getLogger(name)
    subject.propagate = False
    subject.setLevel(logging.INFO)
    subject.addHandler(handler)
    return subject


def _peer_handler(pipe: int) -> logging.Handler:
    """python-json-logger as its documentation sets it up, with the guide's four fields."""
    handler = logging.StreamHandler(os.fdopen(pipe, "w", encoding="utf-8", closefd=False))
    handler.setFormatter(
        OrjsonFormatter(
            "{levelname}{name}{message}", style="{", timestamp=True, rename_fields={"levelname": "level"}
        )
    )
    return handler


class _DirectHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "name": record.name,
            "message": record.getMessage(),
        }
        fields.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        os.write(1, orjson.dumps(fields, option=_OPTIONS))


def _bare() -> None:
    fields: dict[str, Any] = {
        "timestamp": datetime.now(UTC),
        "level": "INFO",
        "name": "factory-core",
        "message": _MESSAGE % 1000,
        **_EXTRA,
    }
    os.write(1, orjson.dumps(fields, option=_OPTIONS))
