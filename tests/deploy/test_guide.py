"""The founding guide's names and numbers, in the manifests as every overlay builds them."""

import re

import pytest
import yaml

from support import ROOT
from support.manifests.built import NAMESPACE, SERVICES, WORKERS, built, container, find, pod, settings

OVERLAYS = ("base", "local", "production", "scale")
# The guide's readiness asks /health; these ask what the software really needs, and docs say why.
SPLIT = ("production", "scale")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_reached_under_the_guides_host_name_and_port(overlay: str, service: str) -> None:
    build = built(overlay)
    reached = find(build, "Service", f"{service}-service")
    answering = find(build, "Deployment", service)

    assert [port["port"] for port in reached["spec"]["ports"]] == [8000]
    assert [port["targetPort"] for port in reached["spec"]["ports"]] == [8000]
    assert reached["spec"]["selector"] == {"app": service}
    assert answering["spec"]["template"]["metadata"]["labels"]["app"] == service
    assert [port["containerPort"] for port in container(answering)["ports"]] == [8000]
    assert settings(build)["PORT"] == "8000"


@pytest.mark.parametrize("name", [*SERVICES, *WORKERS])
@pytest.mark.parametrize(
    ("probe", "delay", "period"), [("livenessProbe", 40, 30), ("readinessProbe", 20, 10)]
)
def test_probes_have_the_guides_numbers(overlay: str, name: str, probe: str, delay: int, period: int) -> None:
    asked = container(find(built(overlay), "Deployment", name))[probe]

    assert asked["initialDelaySeconds"] == delay
    assert asked["periodSeconds"] == period
    assert asked["httpGet"]["port"] == 8000
    assert set(asked) == {
        "httpGet",
        "initialDelaySeconds",
        "periodSeconds",
        "timeoutSeconds",
        "failureThreshold",
    }


@pytest.mark.parametrize("name", [*SERVICES, *WORKERS])
def test_probes_ask_the_guides_path_unless_they_are_split(overlay: str, name: str) -> None:
    asked = container(find(built(overlay), "Deployment", name))
    paths = [asked[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")]

    assert paths == (["/health/live", "/health/ready"] if overlay in SPLIT else ["/health", "/health"])


def test_log_level_is_an_environment_variable_with_the_level_recommended_for_production(overlay: str) -> None:
    level = settings(built(overlay))["LOG_LEVEL"]

    assert level in LEVELS
    assert level == "INFO"


def test_everything_of_ours_is_in_the_guides_namespace(overlay: str) -> None:
    spaces = {one["metadata"].get("namespace") for one in built(overlay) if one["kind"] != "Namespace"}

    assert spaces == {NAMESPACE}


def test_kubectl_logs_of_the_deployment_shows_the_service_without_asking_which_container(
    overlay: str,
) -> None:
    deployment = find(built(overlay), "Deployment", "factory-core")  # kubectl logs -f deployment/factory-core
    template = deployment["spec"]["template"]

    assert template["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] == "factory-core"
    assert container(deployment)["name"] == "factory-core"


def test_kubectl_logs_by_label_shows_the_pods_of_the_service_and_no_others(overlay: str) -> None:
    build = built(overlay)  # kubectl logs -f -l app=factory-core -n v-factory
    workloads = [one for one in build if one["kind"] in {"Deployment", "StatefulSet", "DaemonSet", "Job"}]
    chosen = [
        one["metadata"]["name"]
        for one in workloads
        if one["spec"]["template"]["metadata"]["labels"]["app"] == "factory-core"
    ]

    assert chosen == ["factory-core"]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("bounded", ["base", "production"])
def test_kubectl_logs_by_label_can_follow_all_pods_also_during_a_rollout(bounded: str, service: str) -> None:
    build = built(bounded)
    most = find(build, "HorizontalPodAutoscaler", service)["spec"]["maxReplicas"]
    surge = find(build, "Deployment", service)["spec"]["strategy"]["rollingUpdate"]["maxSurge"]

    assert most + surge <= 5  # kubectl's own --max-log-requests


def test_kubectl_top_has_something_to_compare_with(overlay: str) -> None:
    kinds = {"Deployment", "StatefulSet", "Job"}
    workloads = [one for one in built(overlay) if one["kind"] in kinds]  # kubectl top pods -n v-factory
    assert {*SERVICES, *WORKERS} <= {workload["metadata"]["name"] for workload in workloads}
    for workload in workloads:
        for each in [*pod(workload).get("initContainers", []), *pod(workload)["containers"]]:
            assert set(each["resources"]["requests"]) == {"cpu", "memory"}, workload["metadata"]["name"]
            assert set(each["resources"]["limits"]) == {"cpu", "memory"}, workload["metadata"]["name"]


@pytest.mark.parametrize("name", [*SERVICES, *WORKERS])
def test_prometheus_finds_every_pod_under_the_guides_job_names(name: str) -> None:
    build = built("production", "prometheus")
    mounted = pod(find(build, "StatefulSet", "prometheus"))["volumes"]
    names = {volume["name"]: volume["configMap"]["name"] for volume in mounted if "configMap" in volume}
    text = find(build, "ConfigMap", names["configuration"])["data"]["prometheus.yml"]
    [job] = [one for one in yaml.safe_load(text)["scrape_configs"] if one["job_name"] == "v-factory"]
    chosen = job["relabel_configs"][0]
    renamed = next(one for one in job["relabel_configs"] if one.get("target_label") == "job")
    labels = find(build, "Deployment", name)["spec"]["template"]["metadata"]["labels"]
    port = container(find(build, "Deployment", name))["ports"][0]["containerPort"]

    assert re.fullmatch(chosen["regex"], f"{labels['app']};{port}")
    assert renamed["replacement"].replace("$1", labels["app"]) == f"v-factory-{name}"


@pytest.mark.parametrize("name", [*SERVICES, *WORKERS])
def test_prometheus_operator_finds_every_pod_under_the_guides_job_names(name: str) -> None:
    build = built("production", "prometheus-operator")
    monitor = find(build, "PodMonitor", "v-factory")["spec"]
    [endpoint] = monitor["podMetricsEndpoints"]
    [selector] = monitor["selector"]["matchExpressions"]
    deployment = find(build, "Deployment", name)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    renamed = next(one for one in endpoint["relabelings"] if one.get("targetLabel") == "job")

    assert labels[selector["key"]] in selector["values"]
    assert endpoint["path"] == "/metrics"
    assert endpoint["port"] in [port["name"] for port in container(deployment)["ports"]]
    assert renamed["sourceLabels"] == ["__meta_kubernetes_pod_label_app"]
    assert renamed["replacement"].replace("$1", labels["app"]) == f"v-factory-{name}"


def test_prometheus_operator_asks_health_as_prometheus_without_it_does() -> None:
    file = ROOT / "monitoring/prometheus/prometheus.kubernetes.yml"
    jobs = yaml.safe_load(file.read_text("utf-8"))["scrape_configs"]
    [job] = [one for one in jobs if one["job_name"] == "v-factory-health"]
    asked = find(built("production", "prometheus-operator"), "ScrapeConfig", "v-factory-health")["spec"]
    named, *relabelings = asked["relabelings"]
    theirs = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
    # The operator's exporter is asked from another namespace.
    wanted = [
        {
            theirs.get(key, key): str(value).replace("exporter:", "exporter.v-factory:")
            for key, value in one.items()
        }
        for one in job["relabel_configs"]
    ]

    assert named == {"targetLabel": "job", "replacement": job["job_name"]}
    assert [{key: str(value) for key, value in one.items()} for one in relabelings] == wanted
    assert (asked["scrapeInterval"], asked["scrapeTimeout"]) == (
        job["scrape_interval"],
        job["scrape_timeout"],
    )
    assert (asked["metricsPath"], asked["params"]) == (job["metrics_path"], job["params"])


def test_the_guides_log_systems_each_have_a_component() -> None:
    found = {
        path.parent.name for path in (ROOT / "deploy/kubernetes/components").glob("logs-*/kustomization.yaml")
    }

    assert found == {f"logs-{name}" for name in ("elk", "loki", "fluentd", "fluent-bit", "datadog", "splunk")}


@pytest.mark.parametrize("name", ["elk", "loki", "fluentd", "fluent-bit", "datadog", "splunk"])
def test_a_log_pipeline_reads_every_node_and_keeps_its_place_over_restarts(name: str) -> None:
    build = built("production", f"logs-{name}")
    [agent] = [one for one in build if one["kind"] == "DaemonSet"]
    volumes = {volume["name"]: volume for volume in pod(agent)["volumes"]}
    mounts = {mount["name"]: mount for mount in container(agent)["volumeMounts"]}

    assert agent["metadata"]["namespace"] == f"v-factory-logs-{name}"
    assert {"operator": "Exists"} in pod(agent)["tolerations"]
    assert volumes["lines"]["hostPath"]["path"] == "/var/log/pods"
    assert mounts["lines"]["readOnly"] is True
    assert volumes["state"]["hostPath"]["path"].startswith("/var/lib/v-factory-logs/")


def test_grafana_finds_every_dashboard_by_its_label() -> None:
    build = built("production", "prometheus-operator")
    shown = {
        file
        for one in build
        if one["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
        for file in one["data"]
    }

    assert shown == {path.name for path in (ROOT / "monitoring/grafana/generated").glob("*.json")}


def test_every_file_of_rules_is_loaded_with_and_without_the_operator() -> None:
    files = sorted((ROOT / "monitoring/prometheus/rules").glob("*.yml"))
    plain = built("production", "prometheus")
    names = {
        volume["name"]: volume.get("configMap", {}).get("name")
        for volume in pod(find(plain, "StatefulSet", "prometheus"))["volumes"]
    }
    rules = {one["metadata"]["name"]: one for one in built("production", "prometheus-operator")}

    assert find(plain, "ConfigMap", str(names["rules"]))["data"] == {
        path.name: path.read_text("utf-8") for path in files
    }
    for path in files:
        assert rules[f"v-factory-{path.stem}"]["spec"] == yaml.safe_load(path.read_text("utf-8"))
