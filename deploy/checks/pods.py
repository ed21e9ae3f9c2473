"""The pods that a build makes, whatever kind of workload makes them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from deploy.checks.kustomize import Manifest

WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})
Pod = Mapping[str, Any]


def pods(build: Iterable[Manifest]) -> Iterator[tuple[Manifest, Pod]]:
    """Each workload with the template of its pods."""
    for manifest in build:
        if manifest["kind"] in WORKLOADS:
            yield manifest, manifest["spec"]["template"]
        elif manifest["kind"] == "CronJob":
            yield manifest, manifest["spec"]["jobTemplate"]["spec"]["template"]
