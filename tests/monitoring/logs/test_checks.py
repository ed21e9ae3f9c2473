"""`make check` notices a pipeline that has drifted from the specification, and a query that finds nothing."""

import shutil
from pathlib import Path

import pytest
from monitoring.logs.checks import check
from monitoring.logs.golden import ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("monitoring/logs", "monitoring/grafana/generated"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_the_pipelines_and_dashboards_of_the_project_are_right() -> None:
    assert check(ROOT) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("loki/kubernetes.alloy", 'target_label  = "pod"', 'target_label  = "podd"', "labels: are"),
        ("loki/kubernetes.alloy", '["filename", "stream"]', '["filename"]', "labels: are"),
        (
            "loki/kubernetes.alloy",
            "stage.cri {",
            "stage.crio {",
            "there is no stage.crio|knows no stage.crio",
        ),
        ("loki/kubernetes.alloy", "max_backoff_retries = 0", "max_backoff_retries = 10", "gives up sending"),
        (
            "loki/kubernetes.alloy",
            "loki.process.lines.receiver",
            "loki.process.line.receiver",
            "there is no loki.pro",
        ),
        (
            "loki/kubernetes.alloy",
            '      stream     = "stream",\n      trace_id   = "trace_id",',
            '      stream     = "stream",',
            "structured metadata",
        ),
        ("loki/compose.alloy", 'level      = "level"', 'level      = "lvl"', "lvl: is no field"),
        ("loki/compose.alloy", "simulator)$", "simulators)$", "differs from kubernetes.alloy"),
        ("loki/loki.yml", "auth_enabled: false", "auth_enabled: [", "syntax"),
        ("fluent-bit/fluent-bit.yaml", "app=$collector", "application=$collector", "labels: are"),
        (
            "fluent-bit/fluent-bit.yaml",
            "request_id=$request_id",
            "request_id=$requestid",
            "requestid: is no field",
        ),
        ("fluentd/fluent.conf", "overflow_action block", "overflow_action drop_oldest_chunk", "drops lines"),
        ("fluentd/fluent.conf", "</source>", "", "is not closed"),
        ("splunk/collector.yml", "fatal: CRITICAL", "fatal: FATAL", "severity: differs"),
        ("splunk/app/default/props.conf", "[vfactory:line]", "vfactory:line", "MissingSectionHeader"),
        ("datadog/pipeline.json", '"sources": ["level"]', '"sources": ["severity"]', "severity: is no field"),
        ("elk/index-template.json", "date_nanos", "date", "lose its microseconds"),
        ("elk/index-template.json", '"trace": {', '"traces": {', "trace.id: is not mapped"),
        ("elk/ingest-pipeline.json", "vfactory.span_id", "vfactory.spanid", "spanid: is no field"),
        ("elk/ingest-pipeline.json", '"value": 2}', '"value": 3}', "event.severity: differs"),
        (
            "elk/kibana.ndjson",
            '"http.request.id", "trace.id"',
            '"request.id", "trace.id"',
            "request.id, which is not",
        ),
        (
            "elk/kibana.ndjson",
            '"id": "vfactory-logs", "attributes"',
            '"id": "other", "attributes"',
            "not there",
        ),
        ("fields.yml", "labels: [namespace, app,", "labels: [namespace,", "labels: are"),
    ],
)
def test_a_drift_is_found(copy: Path, file: str, old: str, new: str, said: str) -> None:
    path = copy / "monitoring/logs" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    assert any(word in str(finding) for finding in check(copy) for word in said.split("|"))


def test_a_dashboard_that_selects_by_what_is_no_label_is_found(copy: Path) -> None:
    path = copy / "monitoring/grafana/generated/vfactory-logs.json"
    path.write_text(path.read_text("utf-8").replace("{namespace=", "{request_id="), "utf-8")
    assert any("selects streams by request_id" in str(finding) for finding in check(copy))
