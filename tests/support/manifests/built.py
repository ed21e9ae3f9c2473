"""The manifests as they are built, for tests that read them."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from deploy.checks.combinations import KUBERNETES, folder_of
from deploy.checks.kustomize import Manifest, build_with

from support import ROOT

SERVICES = ("factory-core", "incident-event", "asset-management")
WORKERS = ("factory-core-worker", "incident-event-worker")
NAMESPACE = "v-factory"


@cache
def built(overlay: str, *components: str) -> Sequence[Manifest]:
    return build_with(
        folder_of(overlay, ROOT), [ROOT / KUBERNETES / "components" / component for component in components]
    )


def find(build: Sequence[Manifest], kind: str, name: str, namespace: str = NAMESPACE) -> Manifest:
    [found] = [
        manifest
        for manifest in build
        if manifest["kind"] == kind
        and manifest["metadata"]["name"] == name
        and manifest["metadata"].get("namespace", namespace) == namespace
    ]
    return found


def pod(workload: Manifest) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def container(workload: Manifest) -> Mapping[str, Any]:
    only: Mapping[str, Any]
    [only] = pod(workload)["containers"]
    return only


def settings(build: Sequence[Manifest]) -> Mapping[str, str]:
    """What every process reads: the ConfigMap that the services name, whatever its hash is."""
    workload = find(build, "Deployment", "factory-core")
    name = container(workload)["envFrom"][0]["configMapRef"]["name"]
    data: Mapping[str, str] = find(build, "ConfigMap", name)["data"]
    return data
