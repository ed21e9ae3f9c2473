"""Reads Datadog's pipeline: what it makes of a line that the agent sent."""

import json
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from monitoring.logs.containers import join
from monitoring.logs.fields import Specification, read_specification
from monitoring.logs.reading.event import Event, NotReadError, Pod, find, milliseconds, nanoseconds, put, take

PIPELINE: Final = Path("monitoring/logs/datadog/pipeline.json")
# The first letters by which Datadog's status remapper knows a status, the longest first.
STATUSES: Final = {
    "emerg": "emergency",
    "err": "error",
    "c": "critical",
    "w": "warning",
    "i": "info",
    "d": "debug",
}
MICROSECONDS: Final = "logged_at"
Log = dict[str, Any]
Options = Mapping[str, Any]


def read_lines(root: Path, lines: Iterable[bytes], pod: Pod) -> list[Event]:
    """What Datadog has of a pod's container log file; the agent itself joins pieces."""
    pipeline = json.loads((root / PIPELINE).read_text("utf-8"))
    specification = read_specification(root)
    tags = {"namespace": pod.namespace, "pod": pod.name, "container": pod.container, "app": pod.app}
    events = []
    for line in join(lines):
        log: Log = {
            "at": milliseconds(nanoseconds(line.time)),
            "message": line.text,
            "service": "v-factory",
            "ids": {},
        }
        log["attributes"] = _attributes(line.text)
        for options in pipeline["processors"]:
            if options["is_enabled"]:
                _PROCESSORS[options["type"]](log, options)
        events.append(_event(log, tags, specification))
    return events


def _attributes(text: str) -> Log | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return deepcopy(found) if isinstance(found, dict) else None


def _first(log: Log, options: Options) -> Any:
    found = (find(log["attributes"], source) for source in options["sources"])
    return next((value for value in found if value is not None), None)


def _attribute(log: Log, options: Options) -> None:
    value = _first(log, options)
    if value is None:
        return
    put(log["attributes"], options["target"], value)
    if not options["preserve_source"]:
        take(log["attributes"], options["sources"][0])


def _date(log: Log, options: Options) -> None:
    if isinstance(text := _first(log, options), str):
        log["at"] = milliseconds(nanoseconds(text))
    if (text := find(log["attributes"], MICROSECONDS)) is not None:
        log["microseconds"] = nanoseconds(text)


def _status(log: Log, options: Options) -> None:
    if isinstance(word := _first(log, options), str):
        letters = (letters for letters in STATUSES if word.lower().startswith(letters))
        log["status"] = STATUSES[next(letters, "i")]


def _service(log: Log, options: Options) -> None:
    log["service"] = _first(log, options) or log["service"]


def _message(log: Log, options: Options) -> None:
    text = _first(log, options)
    log["message"] = log["message"] if text is None else text


def _trace(log: Log, options: Options) -> None:
    log["ids"]["trace_id"] = _first(log, options)


def _span(log: Log, options: Options) -> None:
    log["ids"]["span_id"] = _first(log, options)


_PROCESSORS: Final[Mapping[str, Callable[[Log, Options], None]]] = {
    "attribute-remapper": _attribute,
    "date-remapper": _date,
    "status-remapper": _status,
    "service-remapper": _service,
    "message-remapper": _message,
    "trace-id-remapper": _trace,
    "span-id-remapper": _span,
}


def _event(log: Log, tags: dict[str, str], specification: Specification) -> Event:
    attributes = log["attributes"]
    labels = tags | {"service": log["service"]}
    if attributes is None:
        return Event(log["at"], log["message"], None, None, labels)
    if milliseconds(log["microseconds"]) != log["at"]:
        raise NotReadError("the date is not the line's own")
    names = {name: specification.fields[name].datadog for name in specification.used_as("searchable")}
    found = {name: find(attributes, path) for name, path in names.items()} | log["ids"]
    searchable = {name: value for name, value in found.items() if value is not None}
    return Event(
        log["microseconds"], log["message"], _fields(attributes, found), log["status"], labels, searchable
    )


def _fields(attributes: Log, found: Mapping[str, Any]) -> Log:
    """The attributes under the names of the specification; what was moved is put back."""
    moved = {MICROSECONDS, "http", "error"}
    fields = {name: value for name, value in attributes.items() if name not in moved}
    fields |= {name: value for name, value in found.items() if value is not None}
    if "error" in attributes:
        error = attributes["error"]
        fields["exception"] = {
            "type": error["kind"],
            "message": error["message"],
            "stacktrace": error["stack"],
        }
    return fields
