"""Each pipeline's DaemonSet gives its configuration what that asks for."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from support import ROOT
from support.manifests.built import built, container, pod

PIPELINES = ("datadog", "elk", "fluent-bit", "fluentd", "loki", "splunk")
READ = re.compile(r"""sys\.env\("(\w+)"\)|\$\{(?:env:)?([A-Z][A-Z_]+)[:}]|ENV\['(\w+)'\]""")
ASKED = re.compile(r"^(?:#|//) {3}((?:[A-Z][A-Z_]{3,}(?:, )?)+)", re.MULTILINE)
COMPONENTS = ROOT / "deploy/kubernetes/components"


@pytest.fixture(params=PIPELINES)
def pipeline(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def agent(pipeline: str) -> Mapping[str, Any]:
    [found] = [one for one in built("production", f"logs-{pipeline}") if one["kind"] == "DaemonSet"]
    return found


def configuration(pipeline: str) -> str:
    namespace = f"v-factory-logs-{pipeline}"
    [found] = [
        one
        for one in built("production", f"logs-{pipeline}")
        if one["kind"] == "ConfigMap" and one["metadata"]["namespace"] == namespace
    ]
    return "\n".join(found["data"].values())


def unexplained(pipeline: str, names: Iterable[str]) -> list[str]:
    """Those variables that neither the DaemonSet sets nor the component's heading wants in the Secret."""
    given = {one["name"] for one in container(agent(pipeline))["env"]}
    told = (COMPONENTS / f"logs-{pipeline}/kustomization.yaml").read_text("utf-8").split("kind: Component")[0]
    return [name for name in sorted(set(names) - given) if name not in told]


def test_every_variable_it_reads_is_given_or_named_as_the_secrets(pipeline: str) -> None:
    read = [name for names in READ.findall(configuration(pipeline)) for name in names if name]

    assert read or pipeline == "datadog"  # its agent takes its settings from the environment by itself
    assert unexplained(pipeline, read) == []


def test_every_variable_its_heading_asks_for_is_given_or_named_as_the_secrets(pipeline: str) -> None:
    asked = [name for line in ASKED.findall(configuration(pipeline)) for name in line.split(", ") if name]

    assert asked
    assert unexplained(pipeline, asked) == []


def test_its_health_is_asked_where_it_is_told(pipeline: str) -> None:
    only = container(agent(pipeline))
    port = str(only["ports"][0]["containerPort"])
    told = configuration(pipeline) + " ".join(only.get("args", [])) + str(only["env"])

    assert port in told


def test_what_it_must_remember_is_on_the_node(pipeline: str) -> None:
    only = container(agent(pipeline))
    [state] = [mount["mountPath"] for mount in only["volumeMounts"] if mount["name"] == "state"]
    text = configuration(pipeline) + "\n" + "\n".join(only.get("args", []))
    named = re.findall(r"(?<![\w./])(/(?:var/lib|opt/datadog-agent/run)[\w./-]*)", text)

    assert [path for path in named if not path.startswith(state)] == []
    assert named or pipeline == "elk"  # Filebeat's own place is given below
    assert pipeline != "elk" or state == "/usr/share/filebeat/data"


def test_it_may_write_nowhere_else(pipeline: str) -> None:
    volumes = {volume["name"]: volume for volume in pod(agent(pipeline))["volumes"]}
    written = [
        mount["name"] for mount in container(agent(pipeline))["volumeMounts"] if not mount.get("readOnly")
    ]

    assert set(written) <= {"state", "temporary"}
    assert {name for name, volume in volumes.items() if "hostPath" in volume} == {"lines", "state"}
