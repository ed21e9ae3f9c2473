"""Whether the manifests of one build fit together: what one names is there, what one selects exists."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from deploy.checks.kustomize import Manifest
from deploy.checks.pod_security import refusals
from deploy.checks.pods import pods

CLUSTER_WIDE: Final = frozenset({"Namespace", "ClusterRole", "ClusterRoleBinding", "ClusterIssuer"})
LARGEST_BYTES: Final = (
    256 * 1024
)  # kubectl apply keeps a copy of the whole in one annotation, which may not be longer
# Made by people or operators, not by a manifest: the README says how.
SECRETS: Final = frozenset(
    {
        "alertmanager",
        "asset-management-database",
        "asset-management-database-owner",
        "destination",
        "factory-core-database",
        "factory-core-database-owner",
        "factory-core-database-read",
        "incident-event-database",
        "incident-event-database-owner",
        "local-postgres",
        "local-redis",
        "postgres-app",
        "postgres-exporter",
        "redis-exporter",
        "v-factory-auth",
        "v-factory-backup-database",
        "incident-event-service-token",
        "incident-event-worker-key",
        "v-factory-redis",
    }
)


def misfits(build: Sequence[Manifest]) -> Iterator[str]:
    """What does not fit, in words."""
    yield from _twice(build)
    yield from _homeless(build)
    yield from _too_long(build)
    yield from _missing(build)
    yield from _selecting_nothing(build)
    yield from _autoscalers(build)
    yield from refusals(build)


def of_kind(build: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    """The manifests of these kinds."""
    return [manifest for manifest in build if manifest["kind"] in kinds]


def _space(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("namespace", ""))


def _twice(build: Sequence[Manifest]) -> Iterator[str]:
    names = Counter((one["kind"], _space(one), one["metadata"]["name"]) for one in build)
    yield from (
        f"{kind} {name} is there {count} times" for (kind, _, name), count in names.items() if count > 1
    )


def _homeless(build: Sequence[Manifest]) -> Iterator[str]:
    spaces = {manifest["metadata"]["name"] for manifest in of_kind(build, "Namespace")}
    for manifest in build:
        if manifest["kind"] not in CLUSTER_WIDE and _space(manifest) not in spaces:
            name = f"{manifest['kind']} {manifest['metadata']['name']}"
            yield f"{name} is in the namespace {_space(manifest)!r}, which nothing makes"


def _too_long(build: Sequence[Manifest]) -> Iterator[str]:
    for manifest in build:
        if len(json.dumps(manifest, ensure_ascii=False).encode()) > LARGEST_BYTES:
            yield f"{manifest['kind']} {manifest['metadata']['name']} is too long for `kubectl apply`"


def _missing(build: Sequence[Manifest]) -> Iterator[str]:
    there = {(one["kind"], _space(one), one["metadata"]["name"]) for one in build}
    for workload, template in pods(build):
        space = _space(workload)
        for kind, name in _named(template["spec"]):
            known = kind == "Secret" and name in SECRETS
            if not known and (kind, space, name) not in there:
                who = f"{workload['kind']} {workload['metadata']['name']}"
                yield f"{who} needs {kind} {name}, which nothing makes"


def _named(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a pod needs by name."""
    if "serviceAccountName" in pod:
        yield "ServiceAccount", pod["serviceAccountName"]
    for volume in pod.get("volumes", []):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        sources = [
            *container.get("envFrom", []),
            *(one.get("valueFrom", {}) for one in container.get("env", [])),
        ]
        for source in sources:
            for key, kind in (
                ("configMapRef", "ConfigMap"),
                ("configMapKeyRef", "ConfigMap"),
                ("secretRef", "Secret"),
                ("secretKeyRef", "Secret"),
            ):
                if key in source and not source[key].get("optional"):
                    yield kind, source[key]["name"]


def _selecting_nothing(build: Sequence[Manifest]) -> Iterator[str]:
    there = [(_space(workload), template) for workload, template in pods(build)]
    for manifest in of_kind(build, "Service", "PodDisruptionBudget"):
        selector = manifest["spec"]["selector"]
        labels = selector.get("matchLabels", selector)
        chosen = [
            pod
            for space, pod in there
            if space == _space(manifest) and labels.items() <= pod["metadata"]["labels"].items()
        ]
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        if not chosen:
            yield f"{name} selects no pod"
        for port in manifest["spec"].get("ports", []) if chosen else []:
            if not any(_has_port(pod["spec"], port["targetPort"]) for pod in chosen):
                yield f"{name} leads to the port {port['targetPort']}, which no pod has"


def _has_port(pod: Mapping[str, Any], wanted: int | str) -> bool:
    ports = [port for container in pod["containers"] for port in container.get("ports", [])]
    return any(wanted in (port["containerPort"], port.get("name")) for port in ports)


def _autoscalers(build: Sequence[Manifest]) -> Iterator[str]:
    """Two autoscalers of one target pull apart; a fixed number is set again by every apply."""
    scalers = of_kind(build, "HorizontalPodAutoscaler", "ScaledObject")
    targets = Counter(
        (
            _space(one),
            one["spec"]["scaleTargetRef"].get("kind", "Deployment"),
            one["spec"]["scaleTargetRef"]["name"],
        )
        for one in scalers
    )
    there = {(_space(one), one["kind"], one["metadata"]["name"]): one for one, _ in pods(build)}
    for target, count in targets.items():
        name = f"{target[1]} {target[2]}"
        if count > 1:
            yield f"{name} has {count} autoscalers: HorizontalPodAutoscaler and KEDA exclude each other"
        if target not in there:
            yield f"an autoscaler is for {name}, which nothing makes"
        elif "replicas" in there[target]["spec"]:
            yield f"{name} has an autoscaler and a fixed number of replicas"
