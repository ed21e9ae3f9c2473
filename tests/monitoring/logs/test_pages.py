"""Each pipeline has a page, and what it asks for is what its configuration and its component use."""

import re
from pathlib import Path

import pytest
from monitoring.logs.golden import ROOT

FOLDER = ROOT / "monitoring/logs"
COMPONENTS = ROOT / "deploy/kubernetes/components"
PIPELINES = ["loki", "elk", "fluent-bit", "fluentd", "datadog", "splunk"]
SUFFIXES = {".alloy", ".yml", ".yaml", ".conf", ".json", ".ndjson"}
# The last form is in the heading of Datadog's: its agent reads the environment without being told to.
VARIABLE = re.compile(
    r"""sys\.env\("(\w+)"\)|\$\{(?:env:)?([A-Z_]+)|ENV\['(\w+)'\]|^\#\ {3}(DD_\w+)""", re.MULTILINE
)
FROM_THE_POD = {"NODE_NAME", "VFACTORY_NAMESPACE", "DD_KUBERNETES_KUBELET_NODENAME"}
every_pipeline = pytest.mark.parametrize("name", PIPELINES)


def configurations(name: str) -> list[Path]:
    """What the component mounts of the folder."""
    text = (FOLDER / name / "kustomization.yaml").read_text("utf-8")
    return [path for path in (FOLDER / name).iterdir() if path.suffix in SUFFIXES and path.name in text]


def variables(name: str) -> set[str]:
    """Environment variables of the configuration that the component mounts."""
    texts = [path.read_text("utf-8") for path in configurations(name)]
    return {next(filter(None, found)) for text in texts for found in VARIABLE.findall(text)}


@every_pipeline
def test_a_page_says_how_to_apply_how_to_see_what_may_be_lost_and_what_was_tried(name: str) -> None:
    headings = re.findall(r"^## (.+)$", (FOLDER / name / "README.md").read_text("utf-8"), re.MULTILINE)
    assert headings == [
        "Apply",
        "See that it works",
        "How the lines come in",
        "What is not lost, and what may be",
        "What was tried",
    ]


@every_pipeline
def test_a_page_names_every_file_of_its_pipeline(name: str) -> None:
    page = (FOLDER / name / "README.md").read_text("utf-8")
    files = [path.name for path in (FOLDER / name).iterdir() if path.suffix in SUFFIXES]
    assert [file for file in files if file not in page and file != "kustomization.yaml"] == []


@every_pipeline
def test_the_secret_of_the_page_holds_every_variable_of_the_configuration(name: str) -> None:
    page = (FOLDER / name / "README.md").read_text("utf-8")
    secret = set(re.findall(r"--from-literal=(\w+)=", page))
    assert secret
    assert secret == variables(name) - FROM_THE_POD


@every_pipeline
def test_the_component_sets_what_comes_from_the_pod_and_takes_the_secret(name: str) -> None:
    texts = [path.read_text("utf-8") for path in (COMPONENTS / f"logs-{name}").glob("*.yaml")]
    manifest = "\n".join(texts)
    from_the_pod = variables(name) & FROM_THE_POD
    assert from_the_pod
    assert [variable for variable in from_the_pod if f"name: {variable}\n" not in manifest] == []
    assert "name: destination" in manifest


def test_both_overviews_lead_to_every_page() -> None:
    for overview in ("logs.md", "logs.ko.md"):
        text = (ROOT / "docs" / overview).read_text("utf-8")
        assert all(f"../monitoring/logs/{name}/README.md" in text for name in [*PIPELINES, "rsyslog"])
