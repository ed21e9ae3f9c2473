"""The golden lines: what the services' own logger says in every case a pipeline must survive.

`python -m monitoring.logs.golden speak` is a service that says them; `golden_lines` runs it and reads them.
"""

import argparse
import json
import logging
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monitoring.logs.containers import written

SERVICE: Final = "factory-core"
ROOT: Final = Path(__file__).resolve().parents[2]
REQUEST: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN: Final = "00f067aa0ba902b7"
NATIVE: Final = (
    "2026-01-15 10:30:00.123 UTC [1] LOG:  database system is ready to accept connections",
    "1:M 15 Jan 2026 10:30:00.123 * Ready to accept connections tcp",
    '한글로 된 줄 | tab\tand \\backslash "quotes" {not: json}',
    '{"broken": "json',
    "[1, 2, 3]",
    "STATEMENT:  " + "select 1, " * 2_000,
)
"""Lines of embedded servers and proxies: no JSON of ours, one longer than a runtime's longest piece."""


@dataclass(frozen=True)
class Golden:
    """A line and the stream it was written to; `fields` is None for a line that is no JSON object."""

    stream: str
    line: bytes
    fields: dict[str, Any] | None


@dataclass(frozen=True)
class Contained:
    """A golden line, when its runtime took it, and the pieces the runtime wrote."""

    golden: Golden
    time: str
    pieces: tuple[bytes, ...]


def contained(lines: Sequence[Golden], longest: int) -> list[Contained]:
    """Each line as a runtime writes it, with a nanosecond time of its own."""
    made = []
    for number, line in enumerate(lines):
        time = f"2026-01-15T10:30:{number:02d}.{987_654_321 + number}Z"
        made.append(Contained(line, time, tuple(written(line.line, time, line.stream, longest))))
    return made


def golden_lines() -> list[Golden]:
    """What a service says in a process of its own, and the native lines of others."""
    said = subprocess.run(
        [sys.executable, "-P", "-m", "monitoring.logs.golden", "speak"],
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
        | {"SERVICE_NAME": SERVICE, "LOG_LEVEL": "DEBUG"},
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    streams = {"stdout": said.stdout, "stderr": said.stderr}
    spoken = [
        Golden(stream, line, json.loads(line))
        for stream in streams
        for line in streams[stream].split(b"\n")[:-1]
    ]
    return [*spoken, *(Golden("stderr", line.encode(), None) for line in NATIVE)]


def speak() -> None:
    """Say every case once, by the services' logger."""
    from utils.logging import bind, configure_logging, follow_spans, logger, request_id_var  # noqa: PLC0415

    levels: tuple[Callable[..., None], ...] = (
        logger.debug,
        logger.info,
        logger.warning,
        logger.error,
        logger.critical,
    )
    for say in levels:
        say("Factory Core Service 시작 완료")
    logger.error("에러 발생", extra={"error_code": 500})
    logging.getLogger("uvicorn.error").warning("a library speaks")
    _say_inside_a_request(request_id_var, follow_spans, logger)
    logger.info("", extra={"nothing": None, "not_a_number": math.nan, "infinite": -math.inf, "yes": True})
    logger.info(
        "nested",
        extra={"reading": {"source": "press-1", "values": [1.5, -2, 3e30], "at": {"zone": {"x": 1}}}},
    )
    logger.info("names of ours", extra={"name": "forged", "timestamp": 0, "level": 7, "service": "forged"})
    theirs = ("@timestamp", "time", "stream", "log", "kubernetes", "host", "labels", "tag", "vfactory", "_p")
    logger.info("names that collectors use", extra=dict.fromkeys(theirs, "mine"))
    logger.warning(
        '줄 바꿈\n탭\t"따옴표" \\ \u2028 \x00 \x1b[31m 🏭', extra={"한글 이름": "값", "a.b c-d": 1}
    )
    logger.info("long " + "가나다라 " * 900, extra={"more": "x" * 4_100, "count": 2**53})
    logger.info("cut", extra={f"member_{number}": "v" * 300 for number in range(90)})
    with bind(factory_id="0190a5d0", seq=17):
        logger.info("bound")
    configure_logging(SERVICE, "DEBUG", process="worker")
    logger.info("a worker speaks")
    try:
        json.loads("첫 줄\n둘째 줄")
    except ValueError:
        logger.exception("Uncaught exception", stack_info=True)


def _say_inside_a_request(request_id: Any, follow_spans: Any, logger: logging.Logger) -> None:
    token = request_id.set(REQUEST)
    follow_spans(lambda: (TRACE, SPAN))
    logger.info("%s %s %s", "GET", "/v1/factories/{id}", 200, extra={"status": 200, "duration_ms": 1.042})
    follow_spans(None)
    request_id.reset(token)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m monitoring.logs.golden", description=__doc__)
    parser.add_argument("command", choices=["speak"], help="say every case once, as a service would")
    parser.parse_args()
    speak()
