"""Reads the OpenTelemetry Collector's configuration for Splunk, and what Splunk's app makes of an event."""

import configparser
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from monitoring.logs.containers import Joined, join
from monitoring.logs.reading.event import Event, NotReadError, Pod, find, nanoseconds, put, take

COLLECTOR: Final = Path("monitoring/logs/splunk/collector.yml")
APP: Final = Path("monitoring/logs/splunk/app/default")
SOURCETYPE: Final = "vfactory:line"
TIME: Final = "%Y-%m-%dT%H:%M:%S.%6N%Z"
GO_LAYOUT: Final = "2006-01-02T15:04:05.000000Z"
SEVERITIES: Final = {"debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
_RESOURCE: Final = 'resource["service.name"]'
Options = Mapping[str, Any]


def read_file(root: Path) -> dict[str, Any]:
    """Parse the collector's configuration."""
    document: dict[str, Any] = yaml.safe_load((root / COLLECTOR).read_text("utf-8"))
    return document


def read_app(root: Path, name: str) -> configparser.ConfigParser:
    """Parse one of the Splunk app's files."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((root / APP / name).read_text("utf-8"))
    return parser


class _Record:
    """One log record: `tree` holds `body`, `attributes` and `resource`."""

    def __init__(self, line: Joined, pod: Pod) -> None:
        self.time = nanoseconds(line.time)
        self.severity = 0
        self.tree: dict[str, Any] = {"body": line.text, "attributes": {"log.iostream": line.stream}}
        self.resource: dict[str, Any] = {
            "k8s.namespace.name": pod.namespace,
            "k8s.pod.name": pod.name,
            "k8s.pod.uid": pod.uid,
            "k8s.container.name": pod.container,
            "app": pod.app,
        }

    def holds(self, condition: str) -> bool:
        """Whether an operator's condition is true, as far as this knows the language."""
        return all(self._clause(clause) for clause in condition.split(" and ") if clause)

    def _clause(self, clause: str) -> bool:
        if found := re.fullmatch(r"([\w.]+) != nil", clause):
            return find(self.tree, found[1]) is not None
        if found := re.fullmatch(r'body matches "(.*)"', clause):
            return re.search(found[1], self.tree["body"]) is not None
        if found := re.fullmatch(r"([\w.]+) in (\[.*\])", clause):
            return find(self.tree, found[1]) in json.loads(found[2])
        raise NotReadError(f"the condition {clause} is not known")


def _container(_: _Record, options: Options) -> None:
    if options["format"] != "containerd" or not options["add_metadata_from_filepath"]:
        raise NotReadError("the container log format is not read")


def _json_parser(record: _Record, options: Options) -> None:
    try:
        put(record.tree, options["parse_to"], json.loads(find(record.tree, options["parse_from"])))
    except ValueError:
        if options["on_error"] != "send_quiet":
            raise NotReadError("a line that is no JSON would be dropped") from None


def _time_parser(record: _Record, options: Options) -> None:
    if (options["layout_type"], options["layout"]) != ("gotime", GO_LAYOUT):
        raise NotReadError("the time is not read to the microsecond")
    record.time = nanoseconds(find(record.tree, options["parse_from"]))


def _severity_parser(record: _Record, options: Options) -> None:
    word = find(record.tree, options["parse_from"])
    named = {text: name for name, text in options["mapping"].items()}
    record.severity = SEVERITIES[named[word]] if word in named else 0


def _copy(record: _Record, options: Options) -> None:
    value = find(record.tree, options["from"])
    if options["to"] == _RESOURCE:
        record.resource["service.name"] = value
    else:
        put(record.tree, options["to"], value)


def _remove(record: _Record, options: Options) -> None:
    take(record.tree, options["field"])


_OPERATORS: Final[Mapping[str, Callable[[_Record, Options], None]]] = {
    "container": _container,
    "json_parser": _json_parser,
    "time_parser": _time_parser,
    "severity_parser": _severity_parser,
    "copy": _copy,
    "remove": _remove,
}


def read_lines(root: Path, lines: Iterable[bytes], pod: Pod) -> list[Event]:
    """What Splunk has of a pod's container log file."""
    document = read_file(root)
    operators = document["receivers"]["filelog"]["operators"]
    if operators[0]["type"] != "container":
        raise NotReadError("the container log format is not read first")
    events = []
    for line in join(lines):
        record = _Record(line, pod)
        for options in operators:
            if record.holds(options.get("if", "")):
                _OPERATORS[options["type"]](record, options)
        for group in document["processors"]["transform"]["log_statements"]:
            attributes = record.resource if group["context"] == "resource" else record.tree["attributes"]
            for statement in group["statements"]:
                _transform(attributes, statement)
        events.append(_indexed(root, record))
    return events


def _transform(attributes: dict[str, Any], statement: str) -> None:
    statement, _, condition = statement.partition(" where ")
    if condition and attributes.get(_names(condition)[0]) is None:
        return
    if statement.startswith("keep_keys("):
        kept = json.loads(statement[statement.index("[") : -1])
        for name in set(attributes) - set(kept):
            del attributes[name]
        return
    found = re.fullmatch(r'set\(attributes\["([^"]+)"\], (.*)\)', statement)
    if found is None:
        raise NotReadError(f"the statement {statement} is not known")
    if found[2].startswith('"'):
        attributes[found[1]] = json.loads(found[2])
    elif found[2].startswith("Concat("):
        attributes[found[1]] = "/".join(["pods", *(str(attributes[name]) for name in _names(found[2]))])
    elif (value := attributes.get(_names(found[2])[0])) is not None:
        attributes[found[1]] = value


def _names(text: str) -> list[str]:
    return re.findall(r'attributes\["([^"]+)"\]', text)


def _indexed(root: Path, record: _Record) -> Event:
    """What Splunk's app for the source type makes of an event and its index fields."""
    labels = {name: value for name, value in record.resource.items() if not name.startswith("com.splunk")}
    if record.resource["com.splunk.sourcetype"] != SOURCETYPE:
        raise NotReadError("the app does not know the source type")
    properties = read_app(root, "props.conf")[SOURCETYPE]
    if (properties["KV_MODE"], properties["TRUNCATE"]) != ("json", "0"):
        raise NotReadError("the line's fields are not all there")
    evaluated = read_app(root, "transforms.conf")[properties["TRANSFORMS-vfactory_time"]]["INGEST_EVAL"]
    if TIME not in evaluated or 'json_extract(_raw, "timestamp")' not in evaluated:
        raise NotReadError("the time is not the line's own")
    text, searchable = record.tree["body"], record.tree["attributes"]
    fields = json.loads(text) if searchable.pop("level", None) else None
    return Event(record.time, text, fields, record.severity or None, labels, searchable)
