"""What one cause silences, and that it silences nothing else, as a real Alertmanager sees it.

For every cause every alert that there is fires beside it, of each service that it can be of.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import yaml
from monitoring.checks.alertmanager import CONFIGURATION, inhibited
from monitoring.checks.rule_files import alerts

from support import ROOT
from support.monitoring.alertmanager import Alertmanager, run_hurried_alertmanager

PATIENCE_SECONDS = 20
CORE, EVENT, ASSETS = SERVICES = ("factory-core", "incident-event", "asset-management")
SEVERITIES = {alert.name.removeprefix("VFactory"): alert.labels["severity"] for alert in alerts(ROOT)}
OF_ONE = {
    alert.name.removeprefix("VFactory"): alert.labels["service"]
    for alert in alerts(ROOT)
    if "{{" not in alert.labels["service"]
}

STARTS = {"Restarted", "PodRestarted", "PodNotReady", "ReplicasMissing"}
# Kubernetes tells of pods, whosever they are.
OF_PODS = STARTS | {
    "CrashLooping",
    "OutOfMemoryKilled",
    "VolumeFilling",
    "MemoryHigh",
    "MemoryCritical",
    "CpuHigh",
}
HEALTH = {"HealthCheckFailing", "HealthCheckSlow", "HealthCheckFlapping"}
UNREACHABLE = {"DependencyUnreachable database", "DependencyUnreachable redis"}
REQUESTS = {"TrafficGone", "ErrorRateHigh", "LatencyHigh", "EndpointErrorRateHigh", "EndpointLatencyHigh"}
BUDGETS = {f"{what}BudgetBurn{pace}" for what in ("Error", "Latency") for pace in ("Fast", "Slow")}
INGEST = {"IngestTurnedAway", "IngestQueueHigh", "IngestSlow", "AssetUploadsFailing"}
READINGS = {"ReadingsConflicting", "ReadingsRejected", "ReadingsLate", "ReadingsStopped", "SourcesStale"}
LAGGING = {"ConsumerLagHigh", "ConsumerLagNotFalling", "DetectionSlow"}
EVENTS = {"ConsumerStalled", "ConsumerFailing", "ConsumerAbsent", "OutboxStuck", "RelayAbsent"} | LAGGING
STREAMS = {"PublisherFetchFailing", "StreamClientsCut"}
OF_A_PROCESS = {
    *(HEALTH | UNREACHABLE | STARTS | REQUESTS | BUDGETS | INGEST | READINGS | EVENTS),
    *("EventLoopBlocked", "TaskRestarting"),
}
DATABASE = {
    "DatabaseConnectionsHigh",
    "DatabaseReplicationLag",
    "DatabaseLongTransaction",
    "DatabaseDeadlocks",
}
REDIS = {"RedisMemoryHigh", "RedisEvicting", "RedisReadOnly", "RedisRejectsConnections"}

# What tells several instances of one alert apart, and the labels that make them so.
VARIANTS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "DependencyUnreachable": {name: {"dependency": name} for name in ("database", "redis")},
    "ExporterDown": {name: {"job": f"v-factory-{name}"} for name in ("postgres", "redis", "node")},
    "AlertmanagerNotificationsFailing": {name: {"integration": name} for name in ("webhook", "slack")},
    "DiskFilling": {"/": {}, "/data": {"mountpoint": "/data"}},
    "InodesLow": {"/": {}, "/data": {"mountpoint": "/data"}},
    "MemoryHigh": {"": {}, "worker": {"job": "v-factory-factory-core-worker"}},
}
SHARED = {"instance": "10.0.0.1:9100", "mountpoint": "/", "job": "v-factory-any"}


def of(names: Iterable[str], *services: str) -> set[str]:
    """The alerts with these names, of each of these services where they can be of several."""
    return {
        f"{name}: {service}"
        for name in names
        for service in services
        if OF_ONE.get(name.partition(" ")[0], service) == service
    }


@dataclass(frozen=True)
class Cause:
    """An alert of a service, and what is not told while it fires."""

    name: str
    service: str
    silences: set[str]

    def __str__(self) -> str:
        return f"{self.name} of {self.service}"


CAUSES = (
    Cause(
        "DatabaseDown",
        "postgres",
        of(
            HEALTH | UNREACHABLE | STARTS | REQUESTS | BUDGETS | INGEST | READINGS | EVENTS | STREAMS,
            *SERVICES,
        )
        | of({"CrashLooping", "TaskRestarting", "ClientErrorRateHigh"}, *SERVICES)
        | of({"DatabasePoolSaturated", "DatabasePoolWaitLong", "ReplicaUnusable"}, *SERVICES)
        | of(DATABASE | STARTS | {"CrashLooping"}, "postgres")
        | {"ExporterDown postgres: prometheus", "AlertmanagerNotificationsFailing webhook: alertmanager"},
    ),
    Cause(
        "RedisDown",
        "redis",
        of(HEALTH | STARTS | EVENTS | STREAMS | {"CrashLooping", "TaskRestarting"}, *SERVICES)
        | of({"DependencyUnreachable redis"}, *SERVICES)
        | of(REDIS | STARTS | {"CrashLooping"}, "redis")
        | {"ExporterDown redis: prometheus"},
    ),
    Cause(
        "DiskFull",
        "node",
        {"DiskFilling /: node", "InodesLow /: node", "RedisReadOnly: redis"}
        | of({"AssetUploadsFailing"}, *SERVICES)
        | of({"VolumeFilling"}, *SERVICES, "postgres", "redis"),
    ),
    Cause("TargetDown", CORE, of(OF_A_PROCESS, CORE) | of({"PublisherFetchFailing"}, *SERVICES)),
    Cause(
        "TargetDown",
        EVENT,
        of(OF_A_PROCESS, EVENT) | {"AlertmanagerNotificationsFailing webhook: alertmanager"},
    ),
    Cause("TargetDown", ASSETS, of(OF_A_PROCESS, ASSETS)),
    Cause(
        "CrashLooping",
        CORE,
        of(OF_A_PROCESS | {"TargetDown"}, CORE) | of({"PublisherFetchFailing"}, *SERVICES),
    ),
    Cause(
        "CrashLooping",
        EVENT,
        of(OF_A_PROCESS | {"TargetDown"}, EVENT) | {"AlertmanagerNotificationsFailing webhook: alertmanager"},
    ),
    Cause("CrashLooping", "postgres", of(STARTS, "postgres")),
    Cause("MemoryCritical", CORE, of({"MemoryHigh"}, CORE)),
    Cause("CpuCritical", CORE, of({"CpuHigh", "CpuThrottled"}, CORE)),
    Cause(
        "ErrorRateHigh",
        CORE,
        of(
            {"EndpointErrorRateHigh", "AssetUploadsFailing", "ErrorBudgetBurnFast", "ErrorBudgetBurnSlow"},
            CORE,
        ),
    ),
    Cause("LatencyHigh", CORE, of({"EndpointLatencyHigh"}, CORE)),
    Cause("ErrorBudgetBurnFast", CORE, of({"ErrorBudgetBurnSlow"}, CORE)),
    Cause("LatencyBudgetBurnFast", CORE, of({"LatencyBudgetBurnSlow"}, CORE)),
    Cause("ConsumerAbsent", EVENT, of({"ConsumerStalled", "ConsumerFailing", *LAGGING}, EVENT)),
    Cause("ConsumerStalled", EVENT, of(LAGGING, EVENT)),
    Cause("ConsumerFailing", EVENT, of(LAGGING, EVENT)),
    Cause("RelayAbsent", CORE, of({"OutboxStuck"}, CORE)),
    Cause("IngestTurnedAway", CORE, of({"IngestQueueHigh", "IngestSlow"}, CORE)),
    Cause("ReadingsStopped", CORE, of({"SourcesStale"}, CORE)),
)
SOURCES = {cause.name for cause in CAUSES}
"""These silence others, so each fires beside a cause alone."""


def labels(title: str) -> dict[str, str]:
    """The labels of the alert with a title like `DependencyUnreachable redis: factory-core`."""
    name, _, service = title.partition(": ")
    name, _, variant = name.partition(" ")
    more = VARIANTS.get(name, {}).get(variant, {})
    return {
        **SHARED,
        **more,
        "alertname": f"VFactory{name}",
        "severity": SEVERITIES[name],
        "service": service,
        "title": title,
    }


def every_alert() -> Iterator[str]:
    """The titles of all alerts in all their variants, of each service that they can be of."""
    for name in SEVERITIES:
        services = [OF_ONE[name]] if name in OF_ONE else [*SERVICES]
        for service in [*services, *(["postgres", "redis"] if name in OF_PODS else [])]:
            for variant in VARIANTS.get(name, {"": {}}):
                yield f"{name} {variant}: {service}" if variant else f"{name}: {service}"


class Firing:
    """A cause that fires, and what fires beside it."""

    def __init__(self, alertmanager: Alertmanager, cause: str) -> None:
        self._alertmanager = alertmanager
        self._cause = cause
        self._post(cause)
        self._fingerprint = self._get()[cause]["fingerprint"]

    def silences(self, *others: str) -> set[str]:
        """Which of the others are not told for it; they have ended afterwards."""
        self._post(*others)
        deadline = time.monotonic() + PATIENCE_SECONDS
        found = self._silencers()
        while not set(found.values()) <= {
            "",
            self._fingerprint,
        }:  # what has ended a moment ago still silences
            assert time.monotonic() < deadline, found
            time.sleep(0.01)
            found = self._silencers()
        self._post(*others, ended=True)
        return {title for title in others if found[title]}

    def end(self) -> None:
        """Let the cause end, too."""
        self._post(self._cause, ended=True)

    def _silencers(self) -> dict[str, str]:
        return {
            title: "".join(alert["status"]["inhibitedBy"])
            for title, alert in self._get().items()
            if title != self._cause
        }

    def _get(self) -> dict[str, dict[str, dict[str, list[str]]]]:
        return {alert["labels"]["title"]: alert for alert in self._alertmanager.alerts()}

    def _post(self, *titles: str, ended: bool = False) -> None:
        now = datetime.now(UTC).isoformat()
        times = {"startsAt": now, "endsAt": now} if ended else {"startsAt": now}
        self._alertmanager.post(*({"labels": labels(title), **times} for title in titles))


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """It runs with the committed inhibitions."""
    with run_hurried_alertmanager(tmp_path_factory.mktemp("alertmanager")) as running:
        yield running


def wait_until_known(firing: Firing, sample: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while firing.silences(sample) != {sample}:
        assert time.monotonic() < deadline, f"{sample} is not silenced"
        time.sleep(0.01)


@pytest.mark.parametrize("cause", CAUSES, ids=str)
def test_a_cause_silences_its_consequences_and_nothing_else(alertmanager: Alertmanager, cause: Cause) -> None:
    own = next(title for title in every_alert() if title in of([cause.name], cause.service))
    others = [title for title in every_alert() if title != own]
    alone = [title for title in others if title.partition(" ")[0].removesuffix(":") in SOURCES]
    firing = Firing(alertmanager, own)
    try:
        wait_until_known(firing, min(cause.silences - set(alone)))
        silenced = firing.silences(*(title for title in others if title not in alone))
        for title in alone:
            silenced |= firing.silences(title)
    finally:
        firing.end()
    assert silenced == cause.silences


def test_every_alert_that_silences_another_is_tried() -> None:
    rules = yaml.safe_load((ROOT / CONFIGURATION).read_text("utf-8"))["inhibit_rules"]
    assert {source.name.removeprefix("VFactory") for source, _ in inhibited(rules, alerts(ROOT))} == SOURCES
