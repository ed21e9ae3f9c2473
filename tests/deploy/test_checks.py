"""What `python -m deploy check` refuses."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deploy.__main__ import main
from deploy.checks import files
from deploy.checks.checkov import EXCEPTIONS, Exemption, Failure, judge, read_exemptions
from deploy.checks.combinations import CONFLICTS, Combination, combinations, components, overlays
from deploy.checks.fit import misfits
from deploy.checks.kustomize import BuildError
from deploy.checks.schemas import problems

from deploy import generated
from support import ROOT
from support.manifests.built import built, find

OPERATOR = "prometheus-operator"
Change = Callable[[dict[str, Any]], None]


def changed(kind: str, name: str, change: Change, overlay: str = "production", *parts: str) -> dict[str, Any]:
    manifest = copy.deepcopy(dict(find(built(overlay, *parts), kind, name)))
    change(manifest)
    return manifest


def a_misspelt_probe(manifest: dict[str, Any]) -> None:
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["livenessProbe"]["initialDelaySecond"] = container["livenessProbe"].pop("initialDelaySeconds")


def a_misspelt_trigger(manifest: dict[str, Any]) -> None:
    manifest["spec"]["triggers"][0]["metdata"] = manifest["spec"]["triggers"][0].pop("metadata")


@pytest.mark.parametrize(
    ("kind", "name", "change", "component"),
    [
        ("Deployment", "factory-core", a_misspelt_probe, None),
        ("NetworkPolicy", "default-deny", lambda one: one["spec"].update(policyType=["Egress"]), None),
        ("HorizontalPodAutoscaler", "factory-core", lambda one: one["spec"].update(maxReplica=3), None),
        ("ScaledObject", "incident-event-worker", a_misspelt_trigger, "keda"),
        ("ScaledObject", "incident-event-worker", lambda one: one["spec"].update(minReplicas=1), "keda"),
        ("Certificate", "v-factory", lambda one: one["spec"].update(dnsName=["a.example"]), "tls"),
        ("Certificate", "v-factory", lambda one: one["spec"]["issuerRef"].pop("name"), "tls"),
        (
            "PodMonitor",
            "v-factory",
            lambda one: one["spec"].update(podMetricEndpoints=[]),
            OPERATOR,
        ),
        ("ScrapeConfig", "v-factory-health", lambda one: one["spec"].update(job="x"), "prometheus-operator"),
        (
            "PrometheusRule",
            "v-factory-services",
            lambda one: one["spec"]["groups"][0]["rules"][0].update(expression="1"),
            OPERATOR,
        ),
        ("Cluster", "postgres", lambda one: one["spec"].update(instance=3), "cloudnative-pg"),
    ],
)
def test_a_misspelt_field_is_refused(kind: str, name: str, change: Change, component: str | None) -> None:
    parts = (component,) if component else ()

    assert problems(find(built("production", *parts), kind, name)) == []
    assert problems(changed(kind, name, change, "production", *parts))


def test_a_kind_nobody_has_a_schema_for_is_refused() -> None:
    unknown = {"apiVersion": "example.com/v1", "kind": "Surprise", "metadata": {"name": "x"}}

    assert "there is no schema for example.com/v1/Surprise" in problems(unknown)[0]


@pytest.mark.parametrize("pair", CONFLICTS, ids=lambda pair: " and ".join(sorted(pair)))
def test_parts_that_conflict_are_refused_by_a_name_that_says_why(pair: frozenset[str]) -> None:
    chosen = [part for part in sorted(pair) if part not in overlays(ROOT)]
    [overlay] = [part for part in pair if part in overlays(ROOT)] or ["production"]

    with pytest.raises(BuildError, match=re.escape(f"/{CONFLICTS[pair]}.v-factory")):
        built(overlay, *chosen)


@pytest.mark.parametrize("overlay", ["local", "production", "scale"])
def test_every_overlay_is_built_alone_with_each_component_and_with_all_that_go_together(overlay: str) -> None:
    wanted = [one for one in combinations(ROOT) if one.overlay == overlay]
    largest = [one for one in wanted if len(one.components) > 2]
    excluded = {side for pair in CONFLICTS if overlay in pair for side in pair}

    assert Combination(overlay) in wanted
    assert {one.components for one in wanted} >= {(component,) for component in components(ROOT)}
    assert all(one.conflict is None for one in largest)
    assert set().union(*(one.components for one in largest)) == set(components(ROOT)) - excluded


def test_an_autoscaler_beside_kedas_is_refused() -> None:
    build = built("production", "keda")
    second = changed("HorizontalPodAutoscaler", "incident-event", lambda _: None)
    second["metadata"]["name"] = "incident-event-worker"
    second["spec"]["scaleTargetRef"]["name"] = "incident-event-worker"

    assert list(misfits(build)) == []
    [told] = misfits([*build, second])
    assert told.startswith(
        "Deployment incident-event-worker has 2 autoscalers: HorizontalPodAutoscaler and KEDA"
    )


def test_an_autoscaler_beside_a_fixed_number_is_refused() -> None:
    build = [
        changed("Deployment", "factory-core", lambda one: one["spec"].update(replicas=2))
        if (one["kind"], one["metadata"]["name"]) == ("Deployment", "factory-core")
        else one
        for one in built("production")
    ]

    assert list(misfits(build)) == [
        "Deployment factory-core has an autoscaler and a fixed number of replicas"
    ]


@pytest.mark.parametrize(
    ("kind", "name", "complaint"),
    [
        ("Namespace", "v-factory", "is in the namespace 'v-factory', which nothing makes"),
        ("ServiceAccount", "factory-core", "needs ServiceAccount factory-core, which nothing makes"),
        (
            "PersistentVolumeClaim",
            "asset-management-files",
            "needs PersistentVolumeClaim asset-management-files",
        ),
        ("Deployment", "factory-core", "Service factory-core-service selects no pod"),
    ],
)
def test_what_is_named_and_missing_is_told(kind: str, name: str, complaint: str) -> None:
    rest = [one for one in built("production") if (one["kind"], one["metadata"]["name"]) != (kind, name)]

    assert any(complaint in text for text in misfits(rest))


def test_a_service_that_leads_to_no_port_is_told() -> None:
    astray = changed(
        "Service", "factory-core-service", lambda one: one["spec"]["ports"][0].update(targetPort=80)
    )
    rest = [one for one in built("production") if one["metadata"]["name"] != "factory-core-service"]

    assert list(misfits([*rest, astray])) == [
        "Service factory-core-service leads to the port 80, which no pod has"
    ]


def test_a_manifest_kubectl_apply_cannot_hold_is_told() -> None:
    long = {
        "kind": "ConfigMap",
        "metadata": {"name": "long", "namespace": "v-factory"},
        "data": {"a": "x" * 300_000},
    }

    assert list(misfits([*built("base"), long])) == ["ConfigMap long is too long for `kubectl apply`"]


def test_checkovs_exceptions_excuse_what_they_name_and_nothing_else() -> None:
    excused = Exemption("CKV_K8S_1", "one", r"Deployment\.v-factory\..+", "because")
    failures = [
        Failure("CKV_K8S_1", "Deployment.v-factory.a", "one"),
        Failure("CKV_K8S_1", "DaemonSet.v-factory.a", "one"),
        Failure("CKV_K8S_2", "Deployment.v-factory.a", "two"),
    ]

    found = judge(failures, [excused, Exemption("CKV_K8S_3", "three", ".+", "because")])

    assert [(finding.subject, finding.message) for finding in found] == [
        ("DaemonSet.v-factory.a", "CKV_K8S_1: one"),
        ("Deployment.v-factory.a", "CKV_K8S_2: two"),
        ("CKV_K8S_3", "excuses nothing any more"),
    ]


def test_every_exception_is_explained() -> None:
    exceptions = read_exemptions(ROOT / EXCEPTIONS)
    assert exceptions
    assert [one for one in exceptions if len(one.reason.split()) < 8] == []


def test_a_careless_dockerfile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian:latest\nRUN cd /tmp && apt-get install curl\n")

    [finding] = files.hadolint(tmp_path, Path("Dockerfile"))

    assert "DL3007" in finding.message  # latest


def test_a_misspelt_word_in_the_compose_file_is_refused(tmp_path: Path) -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8").replace("    shm_size:", "    shmsize:")
    (tmp_path / "compose.yaml").write_text(text)

    [finding] = files.compose(tmp_path, Path("compose.yaml"))

    assert "shmsize" in finding.message


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("    runs-on:", "    run-on:", "run-on"),
        ("  contents: read", "  contents: raed", "raed"),
        ("    timeout-minutes: 90\n", "", "timeout-minutes"),
    ],
)
def test_a_wrong_word_in_a_workflow_and_a_job_without_a_time_limit_are_refused(
    right: str, wrong: str, named: str, tmp_path: Path
) -> None:
    [path] = files.workflow_files(ROOT)
    text = (ROOT / path).read_text("utf-8")
    assert right in text
    (tmp_path / "ci.yml").write_text(text.replace(right, wrong))

    found = files.workflow(tmp_path, Path("ci.yml"))

    assert any(named in finding.message for finding in found)


def test_manifests_made_from_other_files_are_as_they_would_be_made_now() -> None:
    assert generated.check(ROOT) == []


def test_a_rule_that_changed_makes_its_manifest_out_of_date(tmp_path: Path) -> None:
    (tmp_path / generated.RULES).mkdir(parents=True)
    (tmp_path / generated.RULES / "a.yml").write_text("groups: [{name: a, rules: []}]\n")
    generated.write(tmp_path)
    assert generated.check(tmp_path) == []

    (tmp_path / generated.RULES / "a.yml").write_text("groups: [{name: b, rules: []}]\n")

    [finding] = generated.check(tmp_path)
    assert "out of date" in finding.message


def test_the_checks_of_files_pass_and_the_command_says_so() -> None:
    assert main(["check", "--only", "files"]) == 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda pod: pod.update(hostNetwork=True), "hostNetwork is not allowed"),
        (
            lambda pod: pod["volumes"].append({"name": "a", "hostPath": {"path": "/"}}),
            "the volume a is a hostPath",
        ),
        (lambda pod: pod["securityContext"].update(runAsUser=0), "factory-core may run as root"),
        (lambda pod: pod["securityContext"].pop("seccompProfile"), "factory-core has no seccomp profile"),
        (lambda pod: pod["containers"][0].pop("securityContext"), "factory-core keeps capabilities"),
    ],
)
def test_a_pod_its_namespace_would_not_let_in_is_told(change: Change, complaint: str) -> None:
    freed = changed("Deployment", "factory-core", lambda one: change(one["spec"]["template"]["spec"]))
    build = [one for one in built("production") if one["metadata"]["name"] != "factory-core"]

    assert any(text == f"Deployment factory-core: {complaint}" for text in misfits([*build, freed]))
