"""Reads Filebeat's configuration and Elasticsearch's ingest pipeline: the document that a line becomes."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from monitoring.logs.containers import join
from monitoring.logs.fields import Specification, read_specification
from monitoring.logs.reading.event import Event, NotReadError, Pod, find, nanoseconds, put, take

FILEBEAT: Final = Path("monitoring/logs/elk/filebeat.yml")
PIPELINE: Final = Path("monitoring/logs/elk/ingest-pipeline.json")
TEMPLATE: Final = Path("monitoring/logs/elk/index-template.json")
EXTRAS: Final = "vfactory"
Document = dict[str, Any]


def read_lines(root: Path, lines: Iterable[bytes], pod: Pod) -> list[Event]:
    """What Elasticsearch has of a pod's container log file that Filebeat read."""
    filebeat = yaml.safe_load((root / FILEBEAT).read_text("utf-8"))
    (container,) = filebeat["filebeat.inputs"][0]["parsers"]
    if container != {"container": {"stream": "all", "format": "auto"}}:
        raise NotReadError("the container log format is not all that Filebeat parses")
    document = _path(filebeat["processors"][0]["dissect"], pod.path)
    put(document, "kubernetes.labels.app", pod.app)
    return [
        stored(
            root,
            json.loads(json.dumps(document))
            | {"@timestamp": _shortened(line.time), "stream": line.stream, "message": line.text},
        )
        for line in join(lines)
    ]


def _shortened(time: str) -> str:
    """A time as Filebeat writes it, in milliseconds."""
    return time[: len("2026-01-15T10:30:00.123")] + "Z"


def _path(dissect: Mapping[str, Any], path: str) -> Document:
    """What a `dissect` processor finds in a path."""
    keys = re.findall(r"%\{([^}]*)\}", dissect["tokenizer"])
    parts = re.split(r"%\{[^}]*\}", dissect["tokenizer"])
    found = re.fullmatch("(.*?)".join(map(re.escape, parts)), path)
    if found is None:
        raise NotReadError(f"{dissect['tokenizer']} does not match {path}")
    document: Document = {}
    for key, value in zip(keys, found.groups(), strict=True):
        if key:
            put(document, key, value)
    return document


def stored(root: Path, document: Document) -> Event:
    """What the ingest pipeline makes of a document."""
    pipeline = json.loads((root / PIPELINE).read_text("utf-8"))
    for processor in pipeline["processors"]:
        ((kind, options),) = processor.items()
        if holds(options.get("if", ""), document):
            _PROCESSORS[kind](document, options)
    return _event(document, read_specification(root))


_CLAUSES: Final[Mapping[str, Callable[[Any, str], bool]]] = {
    r"ctx\.([\w.?]+) == null": lambda value, _: value is None,
    r"ctx\.([\w.?]+) != null": lambda value, _: value is not None,
    r"ctx\.([\w.?]+) instanceof String": lambda value, _: isinstance(value, str),
    r"ctx\.([\w.?]+)\.startsWith\('(.*)'\)": lambda value, word: str(value).startswith(word),
    r"ctx\.([\w.?]+) == '(\w+)'": lambda value, word: value == word,
}


def holds(condition: str, document: Document) -> bool:
    """Whether a Painless condition is true, as far as this knows Painless."""
    return all(_clause(clause, document) for clause in condition.split(" && ") if clause)


def _clause(clause: str, document: Document) -> bool:
    for pattern, test in _CLAUSES.items():
        if (found := re.fullmatch(pattern, clause)) is not None:
            return test(find(document, found[1].replace("?", "")), found[found.lastindex or 1])
    raise NotReadError(f"the condition {clause} is not known")


def _json(document: Document, options: Mapping[str, Any]) -> None:
    try:
        found = json.loads(find(document, options["field"]))
    except ValueError:
        return
    put(document, options["target_field"], found)


def _date(document: Document, options: Mapping[str, Any]) -> None:
    if (options["formats"], options["output_format"]) != (["ISO8601"], "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"):
        raise NotReadError("the date loses its microseconds")
    text = find(document, options["field"])
    nanoseconds(text)
    put(document, options["target_field"], text)


def _rename(document: Document, options: Mapping[str, Any]) -> None:
    value = find(document, options["field"])
    if value is None and options.get("ignore_missing"):
        return
    if find(document, options["target_field"]) is not None and not options.get("override"):
        raise NotReadError(f"{options['target_field']} is there already")
    put(document, options["target_field"], take(document, options["field"]))


def _set(document: Document, options: Mapping[str, Any]) -> None:
    value = find(document, options["copy_from"]) if "copy_from" in options else options["value"]
    if value is not None or not options.get("ignore_empty_value"):
        put(document, options["field"], value)


def _remove(document: Document, options: Mapping[str, Any]) -> None:
    take(document, options["field"])


_PROCESSORS: Final[Mapping[str, Callable[[Document, Mapping[str, Any]], None]]] = {
    "json": _json,
    "date": _date,
    "rename": _rename,
    "set": _set,
    "remove": _remove,
}


def _event(document: Document, specification: Specification) -> Event:
    """The document under the names of the specification."""
    labels = {
        "namespace": "kubernetes.namespace",
        "app": "kubernetes.labels.app",
        "container": "kubernetes.container.name",
        "pod": "kubernetes.pod.name",
        "service": "service.name",
    }
    return Event(
        nanoseconds(document["@timestamp"]),
        document["message"],
        _fields(document, specification) if EXTRAS in document else None,
        find(document, "event.severity"),
        {name: value for name, path in labels.items() if (value := find(document, path)) is not None},
        {
            name: value
            for name in specification.used_as("searchable")
            if (value := find(document, specification.fields[name].ecs)) is not None
        },
    )


def _fields(document: Document, specification: Specification) -> dict[str, Any]:
    fields = {
        name: value
        for name, field in specification.fields.items()
        if (value := find(document, field.ecs)) is not None
    }
    if "error" in document:
        error = document["error"]
        fields["exception"] = {name: error[name] for name in ("type", "message")} | {
            "stacktrace": error["stack_trace"]
        }
    extras = {name: value for name, value in document[EXTRAS].items() if name != "exception"}
    return fields | extras


def mapped(template: Mapping[str, Any]) -> dict[str, str]:
    """The dotted paths that an index template maps, and their types."""
    found: dict[str, str] = {}

    def walk(properties: Mapping[str, Any], before: str) -> None:
        for name, mapping in properties.items():
            if "type" in mapping:
                found[before + name] = mapping["type"]
            walk(mapping.get("properties", {}), f"{before}{name}.")

    walk(template["template"]["mappings"]["properties"], "")
    return found
