"""Whether the log pipelines agree with the field specification and each other, and dashboards with them."""

import configparser
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from monitoring.checks.finding import Finding
from monitoring.logs.fields import SPECIFICATION, Specification, read_specification
from monitoring.logs.reading import alloy, collector, datadog, elastic, fluent_bit, fluentd
from monitoring.logs.reading.alloy_syntax import Block
from monitoring.logs.reading.event import NotReadError

FOLDER: Final = Path("monitoring/logs")
KIBANA: Final = FOLDER / "elk/kibana.ndjson"
DASHBOARDS: Final = Path("monitoring/grafana/generated")
DATASTREAM: Final = "logs-vfactory-default"
Problems = Iterator[tuple[Path, str, str]]


def check(root: Path) -> list[Finding]:
    """What is wrong with the log pipelines below `root`."""
    try:
        specification = read_specification(root)
    except (OSError, TypeError, KeyError, yaml.YAMLError) as error:
        return [Finding(str(SPECIFICATION), "specification", f"cannot be read: {error}")]
    findings = []
    for part in _PARTS:
        try:
            findings += [
                Finding(str(path), subject, text) for path, subject, text in part(root, specification)
            ]
        except (NotReadError, configparser.Error, OSError, LookupError, ValueError, yaml.YAMLError) as error:
            findings.append(
                Finding(str(FOLDER), part.__name__.strip("_"), f"{type(error).__name__}: {error}")
            )
    return findings


def _files(root: Path, _: Specification) -> Problems:
    """Every file is what its name says."""
    readers: Mapping[str, Callable[[str], Any]] = {
        ".yml": yaml.safe_load,
        ".yaml": yaml.safe_load,
        ".json": json.loads,
        ".ndjson": lambda text: [json.loads(line) for line in text.splitlines()],
    }
    for path in sorted((root / FOLDER).rglob("*")):
        if path.suffix in readers:
            try:
                readers[path.suffix](path.read_text("utf-8"))
            except (ValueError, yaml.YAMLError) as error:
                yield path.relative_to(root), "syntax", str(error).replace("\n", " ")


def _loki(root: Path, specification: Specification) -> Problems:
    """Both Alloys give the specification's labels, and know its searchable fields and no others."""
    found = {path: alloy.read_file(root, path) for path in (alloy.KUBERNETES, alloy.COMPOSE)}
    for path, configuration in found.items():
        labels = alloy.stream_labels(configuration)
        if labels != set(specification.labels):
            yield path, "labels", f"are {sorted(labels)}, not {sorted(specification.labels)}"
        process = alloy.lines_of(configuration)
        wanted = {"level", *specification.used_as("searchable")}
        metadata = set(process.one("stage.structured_metadata").attributes["values"]) - {"stream"}
        if metadata != wanted:
            yield path, "structured metadata", f"differs from the specification: {sorted(metadata ^ wanted)}"
        yield from _unknown(path, process.one("stage.json").attributes["expressions"].values(), specification)
        if configuration.one("loki.write").one("endpoint").attributes.get("max_backoff_retries") != 0:
            yield path, "endpoint", "gives up sending: max_backoff_retries must be 0"
    kubernetes, compose = (_shared(configuration) for configuration in found.values())
    if kubernetes != compose:
        yield alloy.COMPOSE, "loki.process", f"differs from {alloy.KUBERNETES.name}"


def _shared(configuration: Block) -> list[Any]:
    """The stages that have nothing to do with where a line comes from."""
    own = ("stage.cri", "stage.label_drop")
    stages = [stage for stage in alloy.lines_of(configuration).blocks if stage.name not in own]
    return [
        (stage.name, {name: _without_stream(value) for name, value in stage.attributes.items()})
        for stage in stages
    ]


def _without_stream(value: Any) -> Any:
    return (
        {name: source for name, source in value.items() if name != "stream"}
        if isinstance(value, dict)
        else value
    )


def _unknown(path: Path, names: Any, specification: Specification) -> Problems:
    for name in sorted(set(names) - set(specification.fields)):
        yield path, name, f"is no field of {SPECIFICATION}"


def _fluent_bit(root: Path, specification: Specification) -> Problems:
    (loki,) = fluent_bit.read_file(root)["pipeline"]["outputs"]
    labels = {pair.partition("=")[0] for pair in loki["labels"].split(",")}
    if labels != set(specification.labels):
        yield fluent_bit.CONFIGURATION, "labels", f"are {sorted(labels)}, not {sorted(specification.labels)}"
    sources = dict(pair.split("=$") for pair in loki["structured_metadata"].split(","))
    names = {source for source in sources.values() if not source.startswith("collector")}
    yield from _unknown(fluent_bit.CONFIGURATION, names, specification)


def _fluentd(root: Path, _: Specification) -> Problems:
    configuration = fluentd.read_file(root)
    labels = {section.argument: section for section in configuration.all("label")}
    output = labels["@JOINED"].one("match", "elasticsearch")
    if output.parameters["index_name"] != DATASTREAM:
        yield fluentd.CONFIGURATION, "index_name", f"is not the data stream {DATASTREAM} of elk"
    buffer = output.one("buffer").parameters
    if (buffer["@type"], buffer["overflow_action"], buffer["retry_forever"]) != ("file", "block", "true"):
        yield (
            fluentd.CONFIGURATION,
            "buffer",
            "drops lines: it must be a file, block when full, and retry forever",
        )


def _splunk(root: Path, specification: Specification) -> Problems:
    receiver = collector.read_file(root)["receivers"]["filelog"]
    copied = {
        options["from"].removeprefix("attributes.line.")
        for options in receiver["operators"]
        if options["type"] == "copy"
    }
    yield from _unknown(collector.COLLECTOR, copied, specification)
    severities = next(options for options in receiver["operators"] if options["type"] == "severity_parser")
    mapped = {word: collector.SEVERITIES[name] for name, word in severities["mapping"].items()}
    if mapped != {name: level.otel for name, level in specification.levels.items()}:
        yield collector.COLLECTOR, "severity", "differs from the levels of the specification"
    for name in ("app.conf", "props.conf", "transforms.conf", "savedsearches.conf"):
        collector.read_app(root, name)


def _datadog(root: Path, specification: Specification) -> Problems:
    processors = json.loads((root / datadog.PIPELINE).read_text("utf-8"))["processors"]
    sources = {source.partition(".")[0] for options in processors for source in options["sources"]}
    yield from _unknown(datadog.PIPELINE, sources, specification)


def _elastic(root: Path, specification: Specification) -> Problems:
    """What the pipeline makes is mapped; levels and microseconds are the specification's."""
    template = json.loads((root / elastic.TEMPLATE).read_text("utf-8"))
    mapped = elastic.mapped(template)
    for field in specification.fields.values():
        if field.ecs not in mapped and not any(path.startswith(f"{field.ecs}.") for path in mapped):
            parent = field.ecs.partition(".")[0]
            if mapped.get(parent) != "flattened":
                yield elastic.TEMPLATE, field.ecs, "is not mapped"
    if mapped.get("@timestamp") != "date_nanos":
        yield elastic.TEMPLATE, "@timestamp", "would lose its microseconds: it must be date_nanos"
    processors = json.loads((root / elastic.PIPELINE).read_text("utf-8"))["processors"]
    renamed = {
        options["field"].split(".")[1]: options["target_field"]
        for processor in processors
        for options in processor.values()
        if str(options["field"]).startswith("vfactory.") and "target_field" in options
    }
    yield from _unknown(elastic.PIPELINE, renamed, specification)
    severities = {
        match[1]: options["set"]["value"]
        for options in processors
        if "set" in options and (match := re.search(r"level == '(\w+)'", options["set"]["if"]))
    }
    if severities != {name: level.syslog for name, level in specification.levels.items()}:
        yield elastic.PIPELINE, "event.severity", "differs from the levels of the specification"


def _kibana(root: Path, _: Specification) -> Problems:
    """Saved objects refer to each other and to fields that are mapped."""
    template = json.loads((root / elastic.TEMPLATE).read_text("utf-8"))
    mapped = elastic.mapped(template)
    saved = [json.loads(line) for line in (root / KIBANA).read_text("utf-8").splitlines()]
    known = {(entry["type"], entry["id"]) for entry in saved}
    for entry in saved:
        attributes = entry["attributes"]
        for reference in entry["references"]:
            if (reference["type"], reference["id"]) not in known:
                yield KIBANA, entry["id"], f"refers to {reference['id']}, which is not there"
        used = {*attributes.get("columns", []), *(field for field, _ in attributes.get("sort", []))}
        if "kibanaSavedObjectMeta" in attributes:
            source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
            used |= set(re.findall(r"([@\w.]+)\s*:", source["query"]["query"]))
        if "timeFieldName" in attributes:
            used.add(attributes["timeFieldName"])
            if attributes["title"] not in template["index_patterns"]:
                yield KIBANA, entry["id"], f"looks at {attributes['title']}, which no template makes"
        for name in sorted(used - set(mapped)):
            yield KIBANA, entry["id"], f"uses {name}, which is not mapped"


def _dashboards(root: Path, specification: Specification) -> Problems:
    """Queries of Loki select streams by labels that streams have."""
    for path in sorted((root / DASHBOARDS).glob("*.json")):
        for query in _queries(json.loads(path.read_text("utf-8"))):
            for selector in re.findall(r"^\s*\{([^{}]*)\}", query):
                for name in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"(?:[^"\\]|\\.)*"', "", selector)):
                    if name not in specification.labels:
                        yield (
                            path.relative_to(root),
                            query,
                            f"selects streams by {name}, which is no label of theirs",
                        )


def _queries(tree: Any) -> Iterator[str]:
    """Every query of a dashboard, wherever it stands."""
    if isinstance(tree, dict):
        if isinstance(tree.get("expr"), str):
            yield tree["expr"]
        for value in tree.values():
            yield from _queries(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _queries(value)


_PARTS: Final[tuple[Callable[[Path, Specification], Problems], ...]] = (
    _files,
    _loki,
    _elastic,
    _kibana,
    _fluent_bit,
    _fluentd,
    _splunk,
    _datadog,
    _dashboards,
)
