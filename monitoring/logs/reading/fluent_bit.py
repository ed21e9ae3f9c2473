"""Reads Fluent Bit's configuration: tail, filters and the Loki output."""

import fnmatch
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from monitoring.logs.containers import join
from monitoring.logs.reading.event import Event, NotReadError, Pod, nanoseconds

CONFIGURATION: Final = Path("monitoring/logs/fluent-bit/fluent-bit.yaml")
MICROSECONDS: Final = "%Y-%m-%dT%H:%M:%S.%L%z"
Record = dict[str, Any]
Options = Mapping[str, Any]


def read_file(root: Path) -> dict[str, Any]:
    """Parse the configuration."""
    document: dict[str, Any] = yaml.safe_load((root / CONFIGURATION).read_text("utf-8"))
    return document


class _Reading:
    """One record on its way through the filters."""

    def __init__(self, parsers: Mapping[str, Options], tag: str, pod: Pod, time: int, record: Record) -> None:
        self.parsers = parsers
        self.tag = tag
        self.pod = pod
        self.time = time
        self.record = record

    def kubernetes(self, options: Options) -> None:
        if options["merge_log"]:
            raise NotReadError("merge_log takes the line apart and keeps the runtime's time")
        parser = self.parsers[options["regex_parser"]]
        prefix = options["kube_tag_prefix"]
        found = re.match(parser["regex"].replace("(?<", "(?P<"), self.tag.removeprefix(prefix))
        if found is None or not self.tag.startswith(prefix):
            raise NotReadError(f"{parser['regex']} does not match {self.tag}")
        self.record["kubernetes"] = found.groupdict() | {"labels": {"app": self.pod.app}}

    def nest(self, options: Options) -> None:
        if options["operation"] == "lift":
            for name, value in self.record.pop(options["nested_under"]).items():
                self.record[options["add_prefix"] + name] = value
            return
        chosen = fnmatch.filter(self.record, options["wildcard"])
        nested = {name.removeprefix(options["remove_prefix"]): self.record.pop(name) for name in chosen}
        self.record[options["nest_under"]] = nested

    def modify(self, options: Options) -> None:
        if "condition" in options and not self._holds(options["condition"]):
            return
        if "remove" in options:
            self.record.pop(options["remove"], None)
        for verb in ("rename", "copy"):
            source, _, target = options.get(verb, "").partition(" ")
            if source in self.record and target not in self.record:
                self.record[target] = self.record[source]
                if verb == "rename":
                    del self.record[source]

    def _holds(self, condition: str) -> bool:
        test, key, pattern = condition.split(" ", 2)
        if test != "Key_value_matches":
            raise NotReadError(f"the condition {test} is not known")
        return key in self.record and re.search(pattern, str(self.record[key])) is not None

    def parser(self, options: Options) -> None:
        parser = self.parsers[options["parser"]]
        if not options["reserve_data"] or not parser["time_keep"] or parser["time_format"] != MICROSECONDS:
            raise NotReadError("the line's time, or what is known beside it, is not kept")
        try:
            found = json.loads(self.record[options["key_name"]])
        except ValueError:
            return
        if isinstance(found, dict):
            self.time = nanoseconds(found[parser["time_key"]])
            del self.record[options["key_name"]]
            self.record = found | self.record


_FILTERS: Final[Mapping[str, Callable[[_Reading, Options], None]]] = {
    "kubernetes": _Reading.kubernetes,
    "nest": _Reading.nest,
    "modify": _Reading.modify,
    "parser": _Reading.parser,
}


def read_lines(root: Path, lines: Iterable[bytes], pod: Pod) -> list[Event]:
    """What Loki gets of a pod's container log file."""
    document = read_file(root)
    (tail,), filters, (loki,) = (document["pipeline"][part] for part in ("inputs", "filters", "outputs"))
    if tail["multiline.parser"] != "cri":
        raise NotReadError("the container log format is not read")
    parsers = {parser["name"]: parser for parser in document["parsers"]}
    tag = tail["tag"].replace("*", pod.path.strip("/").replace("/", "."))
    events = []
    for line in join(lines):
        record = {"time": line.time, "stream": line.stream, "_p": "F", "log": line.text}
        reading = _Reading(parsers, tag, pod, nanoseconds(line.time), record)
        for options in filters:
            if not fnmatch.fnmatchcase(tag, options["match"]):
                raise NotReadError(f"{options['name']} does not match {tag}")
            _FILTERS[options["name"]](reading, options)
        events.append(_send(loki, reading.time, reading.record))
    return events


def _send(loki: Options, time: int, record: Record) -> Event:
    if loki["retry_limit"] != "no_limits":
        raise NotReadError("a chunk that cannot be sent at once would be dropped")
    labels, metadata = (_pairs(loki[name], record) for name in ("labels", "structured_metadata"))
    for name in loki["remove_keys"].split(","):
        del record[name]
    if len(record) == 1 and loki["drop_single_key"] == "raw":
        ((_, text),) = record.items()
        return Event(time, text, None, metadata.pop("level", None), labels, metadata)
    text = json.dumps(record, ensure_ascii=False)
    return Event(time, text, record, metadata.pop("level", None), labels, metadata)


def _pairs(option: str, record: Record) -> dict[str, str]:
    """`name=$key['inner'],…`; a key that is not there gives nothing."""
    found = {}
    for pair in option.split(","):
        name, _, accessor = pair.partition("=$")
        value: Any = record
        for key in re.findall(r"\w+", accessor):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            found[name] = str(value)
    return found
