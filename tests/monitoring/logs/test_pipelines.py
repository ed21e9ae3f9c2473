"""Every pipeline, read from its own configuration files, keeps everything of every golden line."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from monitoring.logs.fields import Specification
from monitoring.logs.golden import ROOT, SERVICE, Contained
from monitoring.logs.reading import alloy, collector, datadog, elastic, fluent_bit, fluentd
from monitoring.logs.reading.event import Event, Pod, milliseconds, nanoseconds

Read = Callable[[Path, Iterable[bytes], Pod], list[Event]]
PIPELINES: dict[str, Read] = {
    "loki": alloy.read_lines,
    "elk": elastic.read_lines,
    "fluent-bit": fluent_bit.read_lines,
    "fluentd": fluentd.read_lines,
    "datadog": datadog.read_lines,
    "splunk": collector.read_lines,
}
POD = Pod()
every_pipeline = pytest.mark.parametrize("read", PIPELINES.values(), ids=PIPELINES)


def events(read: Read, cases: list[Contained]) -> list[tuple[Contained, Event]]:
    found = read(ROOT, [piece for case in cases for piece in case.pieces], POD)
    return list(zip(cases, found, strict=True))


def spoken(read: Read, cases: list[Contained]) -> list[tuple[dict[str, Any], Event]]:
    found = [
        (case.golden.fields, event) for case, event in events(read, cases) if case.golden.fields is not None
    ]
    assert len(found) >= 6
    return found


@every_pipeline
def test_every_field_of_every_line_is_there_with_its_value(read: Read, cases: list[Contained]) -> None:
    for fields, event in spoken(read, cases):
        assert event.fields == fields


@every_pipeline
def test_the_event_has_the_lines_own_time_to_the_microsecond(read: Read, cases: list[Contained]) -> None:
    for fields, event in spoken(read, cases):
        assert event.nanoseconds == nanoseconds(fields["timestamp"])


@every_pipeline
def test_every_level_is_mapped_critical_included(
    read: Read, cases: list[Contained], specification: Specification
) -> None:
    for fields, event in spoken(read, cases):
        level = specification.levels[fields["level"]]
        assert event.severity in (fields["level"], level.syslog, level.otel, level.datadog)


@every_pipeline
def test_request_trace_span_logger_and_process_can_be_searched_for(
    read: Read, cases: list[Contained], specification: Specification
) -> None:
    for fields, event in spoken(read, cases):
        wanted = {name: fields[name] for name in specification.used_as("searchable") if name in fields}
        assert wanted.items() <= event.searchable.items()


@every_pipeline
def test_a_stream_has_the_labels_of_the_specification_and_no_other(
    read: Read, cases: list[Contained], specification: Specification
) -> None:
    for fields, event in spoken(read, cases):
        assert set(event.labels) <= set(specification.labels)
        assert {"namespace", "container", "pod", "service"} <= set(event.labels)
        assert (event.labels["service"], event.labels["pod"]) == (fields["name"], POD.name)


@every_pipeline
def test_a_line_that_is_no_json_passes_unharmed_with_the_runtimes_time(
    read: Read, cases: list[Contained]
) -> None:
    native = [(case, event) for case, event in events(read, cases) if case.golden.fields is None]
    assert len(native) >= 6
    for case, event in native:
        assert event.text == case.golden.line.decode()
        assert event.fields is None
        assert milliseconds(event.nanoseconds) == milliseconds(nanoseconds(case.time))
        assert event.labels["service"] in (POD.app, "v-factory")


@every_pipeline
def test_streams_that_interleave_piece_by_piece_lose_nothing(read: Read, cases: list[Contained]) -> None:
    streams = {
        stream: [piece for case in cases if case.golden.stream == stream for piece in case.pieces]
        for stream in ("stdout", "stderr")
    }
    shorter, longer = sorted(streams, key=lambda stream: len(streams[stream]))
    order = [shorter, longer] * len(streams[shorter])
    order += [longer] * (len(streams[longer]) - len(streams[shorter]))
    found = read(ROOT, [streams[stream].pop(0) for stream in order], POD)
    assert sorted(event.nanoseconds for event in found) == sorted(
        event.nanoseconds for _, event in events(read, cases)
    )


def test_a_workers_lines_are_its_services_under_the_app_of_the_worker(cases: list[Contained]) -> None:
    pod = Pod(
        app="factory-core-worker", container="factory-core-worker", name="factory-core-worker-6c9-abcde"
    )
    pieces = [piece for case in cases if case.golden.fields is not None for piece in case.pieces]
    for name in ("loki", "fluent-bit", "splunk", "elk"):
        labels = PIPELINES[name](ROOT, pieces, pod)[0].labels
        assert (labels["service"], labels["app"]) == (SERVICE, "factory-core-worker")
