"""Reads an Alloy configuration: its names, the labels of a pod, and the stages of `loki.process`."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from monitoring.logs.containers import Joined, join
from monitoring.logs.reading.alloy_syntax import Block, Reference, parse
from monitoring.logs.reading.event import Event, NotReadError, Pod, nanoseconds

KUBERNETES: Final = Path("monitoring/logs/loki/kubernetes.alloy")
COMPOSE: Final = Path("monitoring/logs/loki/compose.alloy")

# Attributes and blocks that Alloy's reference gives for what the configurations use.
KNOWN: Final[Mapping[str, str]] = {
    "logging": "level format",
    "discovery.kubernetes": "role namespaces selectors",
    "namespaces": "names own_namespace",
    "selectors": "role field label",
    "discovery.relabel": "targets rule",
    "rule": "source_labels separator target_label regex replacement action modulus",
    "local.file_match": "path_targets sync_period ignore_older_than",
    "loki.source.file": "targets forward_to tail_from_end encoding on_positions_file_error",
    "stage.cri": "max_partial_lines max_partial_line_size max_partial_line_size_truncate",
    "stage.json": "expressions source drop_malformed",
    "stage.timestamp": "source format action_on_failure fallback_formats location",
    "stage.regex": "expression source labels_from_groups",
    "stage.labels": "values",
    "stage.structured_metadata": "values regex",
    "stage.label_drop": "values",
    "stage.match": "selector pipeline_name action drop_counter_reason",
    "stage.output": "source",
    "stage.template": "source template",
    "loki.process": (
        "forward_to stage.cri stage.json stage.timestamp stage.regex stage.labels stage.structured_metadata "
        "stage.label_drop stage.match stage.output stage.template"
    ),
    "loki.write": "endpoint max_streams external_labels wal",
    "endpoint": (
        "url tenant_id name headers batch_wait batch_size remote_timeout min_backoff_period "
        "max_backoff_period max_backoff_retries retry_on_http_429"
    ),
}
EXPORTS: Final = ("receiver", "targets", "output", "rules")


def read_file(root: Path, path: Path) -> Block:
    """Parse a configuration and hold every name in it to Alloy's reference.

    Raises:
        NotReadError: it is no Alloy configuration, or uses a name or component there is none of.
    """
    configuration = parse((root / path).read_text("utf-8"))
    components = {f"{block.name}.{block.label}" for block in configuration.blocks}
    for block in configuration.blocks:
        _check(block, components)
    return configuration


def _check(block: Block, components: set[str]) -> None:
    known = KNOWN.get(block.name)
    if known is None:
        raise NotReadError(f"there is no {block.name}")
    for name in (*block.attributes, *(inner.name for inner in block.blocks)):
        if name not in known.split():
            raise NotReadError(f"{block.name} knows no {name}")
    for reference in _references(list(block.attributes.values())):
        component, _, export = reference.name.rpartition(".")
        if component not in components or export not in EXPORTS:
            raise NotReadError(f"there is no {reference.name}")
    for inner in block.blocks:
        _check(inner, components)


def _references(value: Any) -> Iterator[Reference]:
    if isinstance(value, Reference):
        yield value
    for member in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from _references(member)


def stream_labels(configuration: Block) -> set[str]:
    """The labels that a stream can end up with."""
    names = {"filename"}
    for discovery in configuration.all("discovery.relabel"):
        names |= {rule.attributes["target_label"] for rule in discovery.all("rule")}
    targets = configuration.one("local.file_match").attributes["path_targets"]
    for target in targets if isinstance(targets, list) else []:
        names |= set(target)
    for stage in (stage for process in configuration.all("loki.process") for stage in process.blocks):
        if stage.name == "stage.cri":
            names.add("stream")
        if stage.name == "stage.labels":
            names |= set(stage.attributes["values"])
        if stage.name == "stage.label_drop":
            names -= set(stage.attributes["values"])
    return {name for name in names if not name.startswith("__")}


def lines_of(configuration: Block) -> Block:
    """The process that reads the lines themselves, whatever they come from."""
    (process,) = (one for one in configuration.all("loki.process") if one.label == "lines")
    return process


def read_lines(root: Path, lines: Iterable[bytes], pod: Pod) -> list[Event]:
    """What Loki gets of a pod's container log file."""
    configuration = read_file(root, KUBERNETES)
    labels = relabel(
        configuration.one("discovery.relabel"),
        {
            "__meta_kubernetes_namespace": pod.namespace,
            "__meta_kubernetes_pod_label_app": pod.app,
            "__meta_kubernetes_pod_container_name": pod.container,
            "__meta_kubernetes_pod_name": pod.name,
            "__meta_kubernetes_pod_uid": pod.uid,
        },
    )
    pattern = labels.pop("__path__")
    if not Path(pod.path).match(pattern):
        raise NotReadError(f"{pattern} does not match {pod.path}")
    process = lines_of(configuration)
    if process.blocks[0].name != "stage.cri":
        raise NotReadError("the container log format is not read first")
    return [_run(process, line, labels | {"filename": pod.path}) for line in join(lines)]


def relabel(block: Block, known: Mapping[str, str]) -> dict[str, str]:
    """The labels that the rules of `discovery.relabel` make of those that discovery knows."""
    labels = dict(known)
    for rule in block.all("rule"):
        separator = rule.attributes.get("separator", ";")
        joined = separator.join(labels.get(name, "") for name in rule.attributes.get("source_labels", []))
        found = re.fullmatch(rule.attributes.get("regex", "(.*)"), joined)
        if found is not None:
            template = re.sub(r"\$(\d)", r"\\\1", rule.attributes.get("replacement", "$1"))
            labels[rule.attributes["target_label"]] = found.expand(template)
    return {name: value for name, value in labels.items() if not name.startswith("__meta_")}


class _Entry:
    def __init__(self, line: Joined, labels: dict[str, str]) -> None:
        self.line = line
        self.labels = dict(labels)
        self.extracted: dict[str, Any] = {}
        self.metadata: dict[str, str] = {}
        self.at = 0


def _run(process: Block, line: Joined, labels: dict[str, str]) -> Event:
    entry = _Entry(line, labels)
    for stage in process.blocks:
        _STAGES[stage.name](entry, stage.attributes)
    text = entry.line.text
    fields = json.loads(text) if "level" in entry.metadata else None
    return Event(entry.at, text, fields, entry.metadata.pop("level", None), entry.labels, entry.metadata)


def _cri(entry: _Entry, _: dict[str, Any]) -> None:
    entry.at = nanoseconds(entry.line.time)
    entry.labels["stream"] = entry.extracted["stream"] = entry.line.stream


def _json(entry: _Entry, attributes: dict[str, Any]) -> None:
    try:
        found = json.loads(entry.line.text)
    except ValueError:
        return
    if isinstance(found, dict):
        for name, path in attributes["expressions"].items():
            if found.get(path) is not None:
                entry.extracted[name] = found[path]


def _timestamp(entry: _Entry, attributes: dict[str, Any]) -> None:
    if (attributes["format"], attributes["action_on_failure"]) != ("RFC3339Nano", "skip"):
        raise NotReadError("stage.timestamp would move the time of a line that is no JSON")
    text = entry.extracted.get(attributes["source"])
    if isinstance(text, str):
        entry.at = nanoseconds(text)


def _regex(entry: _Entry, attributes: dict[str, Any]) -> None:
    found = re.search(attributes["expression"], str(entry.extracted.get(attributes["source"], "")))
    if found is not None:
        entry.extracted |= found.groupdict()


def _labels(entry: _Entry, attributes: dict[str, Any]) -> None:
    entry.labels |= _chosen(entry, attributes)


def _structured_metadata(entry: _Entry, attributes: dict[str, Any]) -> None:
    entry.metadata |= _chosen(entry, attributes)


def _chosen(entry: _Entry, attributes: dict[str, Any]) -> dict[str, str]:
    values = attributes["values"]
    return {
        name: str(entry.extracted[source]) for name, source in values.items() if source in entry.extracted
    }


def _label_drop(entry: _Entry, attributes: dict[str, Any]) -> None:
    for name in attributes["values"]:
        entry.labels.pop(name, None)


_STAGES: Final[Mapping[str, Callable[[_Entry, dict[str, Any]], None]]] = {
    "stage.cri": _cri,
    "stage.json": _json,
    "stage.timestamp": _timestamp,
    "stage.regex": _regex,
    "stage.labels": _labels,
    "stage.structured_metadata": _structured_metadata,
    "stage.label_drop": _label_drop,
}
