"""`pyproject.toml` says which release this is, and everything that tells a version tells this one."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from deploy import image_version
from support import ROOT
from utils.http import build_app
from utils.settings import ServiceSettings

RELEASE = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def test_the_installed_distribution_is_this_release() -> None:
    assert version("v-factory") == RELEASE


def test_the_command_tells_it() -> None:
    command = Path(sys.executable).with_name("vfactory")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"vfactory {RELEASE}\n"


@pytest.mark.parametrize("service", ["factory-core", "incident-event", "asset-management"])
def test_the_committed_api_documents_tell_it(service: str) -> None:
    assert json.loads(read(f"openapi/{service}.json"))["info"]["version"] == RELEASE


def test_a_running_service_tells_it_in_its_api_document_and_its_metrics() -> None:
    app = build_app(
        ServiceSettings(service_name="versioned", database_url=NOWHERE), title="Versioned", description=""
    )
    told = {
        sample.labels["version"]
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "vfactory_build_info" and sample.labels["service"] == "versioned"
    }
    assert told == {RELEASE}
    assert app.openapi()["info"]["version"] == RELEASE


def test_the_images_label_and_tags_tell_it() -> None:
    compose = yaml.safe_load(read("compose.yaml"))["x-process"]["image"]
    [image] = yaml.safe_load(read("deploy/kubernetes/base/kustomization.yaml"))["images"]
    guide, recipe = read("deploy/kubernetes/README.md"), read("deploy/docker/Dockerfile")
    assert compose == f"v-factory:${{VFACTORY_VERSION:-{RELEASE}}}"
    assert image == {"name": "v-factory", "newTag": RELEASE}
    assert re.findall(r"(?:--tag|docker-image) v-factory:(\S+)", guide) == [RELEASE, RELEASE]
    assert re.findall(r"^ +org\.opencontainers\.image\.version=(.*)$", recipe, re.MULTILINE) == [
        f'"{RELEASE}"'
    ]


def test_a_new_release_is_found_missing_in_every_file_of_the_image_and_written_there(tmp_path: Path) -> None:
    for path in (Path("pyproject.toml"), *image_version.PLACES):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    assert image_version.check(tmp_path) == []
    project = tmp_path / "pyproject.toml"
    project.write_text(project.read_text("utf-8").replace(f'"{RELEASE}"', '"7.8.9rc1"', 1), "utf-8")

    found = {Path(finding.file) for finding in image_version.check(tmp_path)}
    assert found == set(image_version.PLACES)
    image_version.write(tmp_path)
    assert image_version.check(tmp_path) == []
    assert all("7.8.9rc1" in (tmp_path / path).read_text("utf-8") for path in image_version.PLACES)
