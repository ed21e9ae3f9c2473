"""Reads Fluentd's configuration: tail, concat and parsers, up to the document that Elasticsearch gets."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns
from typing import Any, Final

from monitoring.logs.reading.elastic import stored
from monitoring.logs.reading.event import Event, NotReadError, Pod, nanoseconds
from monitoring.logs.reading.fluentd_syntax import Section, parse

CONFIGURATION: Final = Path("monitoring/logs/fluentd/fluent.conf")
Record = dict[str, Any]


def read_file(root: Path) -> Section:
    """Parse the configuration."""
    return parse((root / CONFIGURATION).read_text("utf-8"))


def read_lines(root: Path, lines: Iterable[bytes], pod: Pod) -> list[Event]:
    """What Elasticsearch has of a pod's container log file that Fluentd read."""
    configuration = read_file(root)
    tail = configuration.one("source", "tail")
    labels = {section.argument: section for section in configuration.all("label")}
    concat = labels[tail.parameters["@label"]].one("filter", "concat")
    joined = labels[concat.parameters["timeout_label"]]
    events = []
    for time, record in _concat(concat.parameters, (_tail(tail, line, pod) for line in lines)):
        at, document = _filters(joined, time, record)
        document["@timestamp"] = _iso8601(at)
        events.append(stored(root, document))
    return events


def _iso8601(at: int) -> str:
    """A time as the output writes it, with `time_precision 9`."""
    seconds = datetime.fromtimestamp(at // 1_000_000_000, UTC)
    return f"{seconds:%Y-%m-%dT%H:%M:%S}.{at % 1_000_000_000:09d}Z"


def _regexp(section: Section) -> re.Pattern[str]:
    """A Ruby expression as Python writes it."""
    found = re.fullmatch(r"/(.*)/", section.parameters["expression"])
    if found is None:
        raise NotReadError("an expression stands between slashes")
    return re.compile(found[1].replace("(?<", "(?P<").replace(r"\/", "/"))


def _tail(tail: Section, line: bytes, pod: Pod) -> tuple[int, Record]:
    parser = tail.one("parse", "regexp")
    found = _regexp(parser).match(line.rstrip(b"\n").decode("utf-8", "surrogateescape"))
    if found is None or parser.parameters["time_format"] != "%iso8601":
        raise NotReadError(f"the container log format is not read: {line!r}")
    record: Record = found.groupdict()
    at = nanoseconds(record.pop(parser.parameters["time_key"]))
    return at, record | {tail.parameters["path_key"]: pod.path}


def _concat(
    options: Mapping[str, str], records: Iterable[tuple[int, Record]]
) -> Iterable[tuple[int, Record]]:
    key, tag, stream = (options[name] for name in ("key", "partial_cri_logtag_key", "partial_cri_stream_key"))
    if options["use_partial_cri_logtag"] != "true":
        raise NotReadError("pieces of long lines are not joined")
    begun: dict[str, tuple[int, Record]] = {}
    for time, record in records:
        first = begun.setdefault(record[stream], (time, record))
        if first[1] is not record:
            first[1][key] += options["separator"] + record[key]
        if record[tag] == "F":
            del begun[record[stream]]
            first[1][key] = first[1][key].encode("utf-8", "surrogateescape").decode()
            yield first


def _filters(label: Section, time: int, record: Record) -> tuple[int, Record]:
    for section in label.all("filter"):
        options = section.parameters
        if options["@type"] == "record_transformer":
            for name in options["remove_keys"].split(","):
                record.pop(name, None)
            continue
        if (options["reserve_data"], options["emit_invalid_record_to_error"]) != ("true", "false"):
            raise NotReadError("a line that is no JSON would be dropped")
        at, found = _parse(section.one("parse"), record[options["key_name"]])
        if found is not None:
            del record[options["key_name"]]
            record[options["hash_value_field"]] = found
            time = time if at is None or options.get("reserve_time") == "true" else at
    return time, record


def _parse(parser: Section, text: str) -> tuple[int | None, Record | None]:
    options = parser.parameters
    if options["@type"] == "regexp":
        found = _regexp(parser).match(text)
        return time_ns(), found and found.groupdict()  # without a time of its own, Fluentd takes the present
    try:
        record = json.loads(text)
    except ValueError:
        return None, None
    if not isinstance(record, dict):
        return None, None
    if (options["time_format"], options["keep_time_key"]) != ("%iso8601", "true"):
        raise NotReadError("the line's time is not kept")
    return nanoseconds(record[options["time_key"]]), record
