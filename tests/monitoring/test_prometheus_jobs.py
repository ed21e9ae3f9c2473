"""What Prometheus watches: the guide's jobs to the letter, in Kubernetes the same jobs by discovery."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
import yaml

from embedded import free_port
from support import ROOT
from vfactory.stack.programs import PROMETHEUS, require_programs
from vfactory.stack.state import state_directory

FOLDER = ROOT / "monitoring" / "prometheus"
META = "__meta_kubernetes_"
GUIDE = """
scrape_configs:
  - job_name: 'v-factory-factory-core'
    static_configs:
      - targets: ['factory-core-service:8000']

  - job_name: 'v-factory-incident-event'
    static_configs:
      - targets: ['incident-event-service:8000']

  - job_name: 'v-factory-asset-management'
    static_configs:
      - targets: ['asset-management-service:8000']
"""


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return document


def test_the_guides_three_jobs_are_there_to_the_letter() -> None:
    assert read("prometheus.yml")["scrape_configs"][:3] == yaml.safe_load(GUIDE)["scrape_configs"]


def test_both_configurations_agree_on_all_but_where_targets_come_from() -> None:
    laptop, cluster = read("prometheus.yml"), read("prometheus.kubernetes.yml")
    assert laptop["global"] == cluster["global"]
    assert laptop["rule_files"] == cluster["rule_files"]
    assert laptop["alerting"]["alert_relabel_configs"] == cluster["alerting"]["alert_relabel_configs"]


def pod(app: str, address: str, **labels: str) -> dict[str, Any]:
    """What discovery knows of a container port of a pod; `labels` without their prefix."""
    known = {
        "pod_label_app": app,
        "pod_container_port_number": address.partition(":")[2],
        "pod_container_init": "false",
        "pod_container_image": "registry.example:5000/v-factory:1.4.2",
        "pod_phase": "Running",
        "pod_name": f"{app}-7d9f8-x2x4z",
        "pod_node_name": "node-1",
    }
    return {"targets": [address], "labels": {META + name: value for name, value in (known | labels).items()}}


def endpoint(service: str, address: str) -> dict[str, Any]:
    port = address.partition(":")[2]
    return {
        "targets": [address],
        "labels": {f"{META}service_name": service, f"{META}endpointslice_port": port},
    }


DISCOVERED = {
    "pod": [
        pod("factory-core", "10.0.0.1:8000"),
        pod("factory-core", "10.0.0.2:8000"),
        pod("incident-event-worker", "10.0.0.3:8000", pod_container_image="v-factory@sha256:0123abcd"),
        pod("asset-management", "10.0.0.4:8000", pod_label_app_kubernetes_io_version="2.0.0"),
        pod("node-exporter", "10.0.0.5:9100"),
        pod("factory-core", "10.0.0.6:9999"),
        pod("factory-core", "10.0.0.7:8000", pod_container_init="true"),
        pod("factory-core", "10.0.0.8:8000", pod_phase="Succeeded"),
        pod("factory-core-migrate", "10.0.0.9:8000"),
    ],
    "endpointslice": [
        endpoint("postgres-exporter", "10.1.0.1:9187"),
        endpoint("redis-exporter", "10.1.0.2:9121"),
        endpoint("prometheus", "10.1.0.3:9090"),
        endpoint("alertmanager", "10.1.0.4:9093"),
        endpoint("kube-state-metrics", "10.1.0.5:8080"),
        endpoint("factory-core-service", "10.0.0.1:8000"),
    ],
    "node": [{"targets": ["10.2.0.1:10250"], "labels": {f"{META}node_name": "node-1"}}],
}


def without_a_cluster(document: dict[str, Any]) -> dict[str, Any]:
    """The same jobs with what discovery would have found; Debian's 2.42 has no discovery compiled in."""
    for job in (*document["scrape_configs"], *document["alerting"]["alertmanagers"]):
        roles = [discovery["role"] for discovery in job.pop("kubernetes_sd_configs")]
        job["static_configs"] = [target for role in roles for target in DISCOVERED[role]]
        job.pop("tls_config", None)
        job.pop("authorization", None)
    return document | {"rule_files": []}


@pytest.fixture(scope="module")
def targets(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[tuple[str, str], Mapping[str, str]]]:
    """Labels of every target that a running Prometheus makes of the Kubernetes jobs, by job and instance."""
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    (folder / "prometheus.yml").write_text(
        yaml.safe_dump(without_a_cluster(read("prometheus.kubernetes.yml")))
    )
    program = require_programs((PROMETHEUS,), state_directory())[PROMETHEUS]
    where = f"127.0.0.1:{port}"
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command = [str(program), *options, f"--web.listen-address={where}"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield {(labels["job"], labels["instance"]): labels for labels in ask(f"http://{where}")}
        finally:
            process.terminate()


def ask(url: str) -> list[Mapping[str, str]]:
    for _ in range(150):
        try:
            answer = httpx.get(f"{url}/api/v1/targets?state=active").raise_for_status()
            found = answer.json()["data"]["activeTargets"]
        except httpx.HTTPError:  # it does not listen yet, or says 503 until it is ready
            found = []
        if found:
            return [target["labels"] for target in found]
        time.sleep(0.2)
    raise AssertionError("Prometheus found no target")


def test_pods_are_found_under_the_guides_job_names_with_pod_node_and_version(
    targets: Mapping[tuple[str, str], Mapping[str, str]],
) -> None:
    labels = targets["v-factory-factory-core", "10.0.0.2:8000"]
    assert (labels["pod"], labels["node"], labels["version"]) == (
        "factory-core-7d9f8-x2x4z",
        "node-1",
        "1.4.2",
    )
    assert targets["v-factory-asset-management", "10.0.0.4:8000"]["version"] == "2.0.0"
    assert "version" not in targets["v-factory-incident-event-worker", "10.0.0.3:8000"]


def test_nothing_else_of_the_namespace_is_taken_for_a_service(
    targets: Mapping[tuple[str, str], Mapping[str, str]],
) -> None:
    found = sorted(instance for job, instance in targets if job == "v-factory-factory-core")
    assert found == ["10.0.0.1:8000", "10.0.0.2:8000"]


def test_every_pods_health_is_asked_under_its_services_name(
    targets: Mapping[tuple[str, str], Mapping[str, str]],
) -> None:
    probed = {i: (t["service"], t["process"]) for (job, i), t in targets.items() if job == "v-factory-health"}
    assert probed == {
        "10.0.0.1:8000": ("factory-core", "api"),
        "10.0.0.2:8000": ("factory-core", "api"),
        "10.0.0.3:8000": ("incident-event", "worker"),
        "10.0.0.4:8000": ("asset-management", "api"),
    }


def test_the_jobs_are_those_of_the_laptop_and_what_only_a_cluster_has(
    targets: Mapping[tuple[str, str], Mapping[str, str]],
) -> None:
    known = {job["job_name"] for job in read("prometheus.yml")["scrape_configs"]}
    assert {job for job, _ in targets} - known == {"kube-state-metrics", "cadvisor", "kubelet"}
    assert known - {job for job, _ in targets} == {
        "v-factory-incident-event",
        "v-factory-factory-core-worker",
    }
