"""The supervisor's own log lines, in the same form as the services' lines."""

import json
from collections.abc import Callable
from typing import Any, Final

from utils.clock import LogClock

SUPERVISOR: Final = "vfactory"
"""The name under which the supervisor writes to the logs."""
_clock = LogClock()


def json_line(level: str, name: str, message: str, **extra: Any) -> bytes:
    """Return one JSON log line, the four fields first."""
    fields = {"timestamp": _clock.now(), "level": level, "name": name, "message": message, **extra}
    text = json.dumps(fields, ensure_ascii=False, default=str, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"


def lost_lines(name: str) -> Callable[[int], bytes]:
    """Return a function that makes the line about a number of lost lines of the part called `name`."""
    return lambda count: json_line(
        "ERROR", name, "Log lines were lost: there was no room for them", lost=count
    )


def as_json_line(name: str, text: bytes, *, stream: str) -> bytes:
    """Return a service's line unchanged if it is a JSON object, else wrapped in one.

    Only output from below Python (a crash of the interpreter, the linker) is not JSON.
    """
    stripped = text.strip()
    if stripped.startswith(b"{") and stripped.endswith(b"}"):
        return stripped + b"\n"
    level = "ERROR" if stream == "stderr" else "INFO"
    return json_line(level, name, stripped.decode("utf-8", "replace"), stream=stream)
