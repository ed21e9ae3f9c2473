"""Reads from the manifests what a rolling update consists of: replicas, probes and every deadline."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
BASE: Final = ROOT / "deploy" / "kubernetes" / "base"
# What holds for a container and not for a process beside others on one machine.
_NOT_HERE: Final = frozenset({"HOST", "PORT", "INCIDENT_EVENT_FACTORY_CORE_URL"})


class ManifestError(Exception):
    """A manifest lacks a number that a rolling update needs; the text names it."""


@dataclass(frozen=True)
class Probe:
    """How often and how late a container is asked whether it is ready."""

    path: str
    initial_delay_seconds: float
    period_seconds: float


@dataclass(frozen=True)
class Deployment:
    """A Deployment, as far as a rolling update goes; the variables are its ConfigMap's."""

    name: str
    arguments: tuple[str, ...]
    replicas: int
    pre_stop_seconds: float
    grace_seconds: float
    readiness: Probe
    variables: Mapping[str, str]

    @property
    def is_api(self) -> bool:
        """Whether a Service leads to it."""
        return self.arguments[-1] == "api"

    @property
    def service(self) -> str:
        """The service it belongs to; a worker keeps its service's name."""
        return self.name.removesuffix("-worker")


def read_deployments(folder: Path = BASE) -> list[Deployment]:
    """Read every Deployment in the folder's manifests.

    Raises:
        ManifestError: a number is missing, or replicas are not replaced one by one.
    """
    documents = list(_documents(folder))
    settings = _settings(folder, documents)
    scaled = {
        document["spec"]["scaleTargetRef"]["name"]: document["spec"]["minReplicas"]
        for document in documents
        if document["kind"] == "HorizontalPodAutoscaler"
    }
    deployments = [document for document in documents if document["kind"] == "Deployment"]
    return [_deployment(document, settings, scaled) for document in deployments]


def _documents(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if document:
                yield document


def _settings(folder: Path, documents: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Give the variables of each ConfigMap that kustomize makes from a file."""
    made = [one for document in documents for one in document.get("configMapGenerator", ())]
    return {
        one["name"]: {name: value for file in one["envs"] for name, value in _assignments(folder / file)}
        for one in made
    }


def _assignments(file: Path) -> Iterator[tuple[str, str]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.startswith("#"):
            yield name, value


def _deployment(
    document: Mapping[str, Any],
    settings: Mapping[str, Mapping[str, str]],
    scaled: Mapping[str, int],
) -> Deployment:
    name = document["metadata"]["name"]
    spec = document["spec"]
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    if spec["strategy"].get("rollingUpdate") != {"maxUnavailable": 0, "maxSurge": 1}:
        raise ManifestError(f"Deployment {name} is not updated with maxSurge 1 and maxUnavailable 0.")
    probe = container["readinessProbe"]
    try:
        return Deployment(
            name=name,
            arguments=tuple(container["args"]),
            replicas=scaled[name] if name in scaled else spec["replicas"],
            pre_stop_seconds=float(container["lifecycle"]["preStop"]["sleep"]["seconds"]),
            grace_seconds=float(pod["terminationGracePeriodSeconds"]),
            readiness=Probe(
                probe["httpGet"]["path"], float(probe["initialDelaySeconds"]), float(probe["periodSeconds"])
            ),
            variables=_variables(container, settings),
        )
    except KeyError as error:
        raise ManifestError(f"Deployment {name} says nothing about {error.args[0]}.") from None


def _variables(container: Mapping[str, Any], settings: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    sources = [source["configMapRef"]["name"] for source in container["envFrom"] if "configMapRef" in source]
    found = {name: value for source in sources for name, value in settings[source].items()}
    return {name: value for name, value in found.items() if name not in _NOT_HERE}
