"""Whether a namespace lets its pods in: the level `restricted` of Kubernetes' Pod Security Standards.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from deploy.checks.kustomize import Manifest
from deploy.checks.pods import pods

ENFORCED: Final = "pod-security.kubernetes.io/enforce"
VOLUMES: Final = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)


def refusals(build: Sequence[Manifest]) -> Iterator[str]:
    """What the API server would refuse, in words."""
    restricted = {
        one["metadata"]["name"]
        for one in build
        if one["kind"] == "Namespace" and one["metadata"].get("labels", {}).get(ENFORCED) == "restricted"
    }
    for workload, template in pods(build):
        if workload["metadata"].get("namespace") in restricted:
            name = f"{workload['kind']} {workload['metadata']['name']}"
            yield from (f"{name}: {text}" for text in _beyond_restricted(template["spec"]))


def _beyond_restricted(pod: Mapping[str, Any]) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield f"{name} is not allowed"
    for volume in pod.get("volumes", []):
        for kind in volume.keys() - VOLUMES - {"name"}:
            yield f"the volume {volume['name']} is a {kind}"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        yield from (f"{container['name']} {text}" for text in _too_free(container, pod))


def _too_free(container: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    either = pod.get("securityContext", {}) | own
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if own.get("privileged"):
        yield "is privileged"
    if own.get("capabilities", {}).get("drop") != ["ALL"] or _added(own):
        yield "keeps capabilities"
    if either.get("runAsNonRoot") is not True or either.get("runAsUser") == 0:
        yield "may run as root"
    if either.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "has no seccomp profile"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "takes a port of the host"


def _added(context: Mapping[str, Any]) -> Iterable[str]:
    return set(context.get("capabilities", {}).get("add", [])) - {"NET_BIND_SERVICE"}
