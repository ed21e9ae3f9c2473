"""Times that must lie inside one another, calculated from the manifests' own numbers."""

import pytest
import yaml

from support import ROOT
from support.manifests.built import SERVICES, WORKERS, built, container, find, pod, settings
from utils.lifecycle.exits import _LAST_WORDS_SECONDS
from utils.lifecycle.watchdog import KERNEL_FACTOR
from utils.serving.server import _LAST_SECONDS
from utils.settings import ServiceSettings

OVERLAYS = ("base", "local", "production", "scale")
OUTAGE_SECONDS = 600
REPLACED_WITHIN_SECONDS = 120


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[*SERVICES, *WORKERS])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_ten_minute_outage_of_the_database_restarts_no_pod(overlay: str, name: str) -> None:
    probe = container(find(built(overlay), "Deployment", name))["livenessProbe"]
    # The first failure may come the moment the outage begins; the last one that counts ends with its timeout.
    tolerated = (probe["failureThreshold"] - 1) * probe["periodSeconds"]

    assert probe["httpGet"]["path"] == "/health/live" or tolerated > OUTAGE_SECONDS


def test_an_outage_that_ends_finds_the_pod_ready_within_a_minute(overlay: str, name: str) -> None:
    probe = container(find(built(overlay), "Deployment", name))["readinessProbe"]

    assert probe.get("successThreshold", 1) * probe["periodSeconds"] + probe["timeoutSeconds"] <= 60


def test_a_probe_waits_longer_than_health_takes_under_any_fault(overlay: str, name: str) -> None:
    asked = container(find(built(overlay), "Deployment", name))

    for probe in (asked["livenessProbe"], asked["readinessProbe"]):
        assert 0.8 * 2 < probe["timeoutSeconds"] < probe["periodSeconds"]


def test_a_blocked_event_loop_ends_its_process_within_two_minutes(overlay: str) -> None:
    seconds = float(settings(built(overlay))["WATCHDOG_SECONDS"])

    # Where the interpreter itself is stuck, the kernel ends the process by the processor's time it has used.
    assert max(1, KERNEL_FACTOR) * seconds <= REPLACED_WITHIN_SECONDS


def test_the_ways_out_of_a_process_lie_inside_the_grace_period(overlay: str, name: str) -> None:
    workload = find(built(overlay), "Deployment", name)
    given = settings(built(overlay))
    pre_stop = container(workload)["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain, shutdown = float(given["DRAIN_SECONDS"]), float(given["SHUTDOWN_SECONDS"])
    by_force = _LAST_SECONDS + _LAST_WORDS_SECONDS

    assert pre_stop > 0
    assert pre_stop + drain + shutdown + by_force <= pod(workload)["terminationGracePeriodSeconds"]


def test_a_pod_that_ends_is_out_of_its_service_before_it_stops_listening(overlay: str, name: str) -> None:
    workload = find(built(overlay), "Deployment", name)
    pre_stop = container(workload)["lifecycle"]["preStop"]["sleep"]["seconds"]

    # A node that is slow to hear of it has the pause before SIGTERM and the draining after it.
    assert pre_stop + float(settings(built(overlay))["DRAIN_SECONDS"]) >= 10


def test_what_the_manifests_set_is_what_the_software_has_as_default(overlay: str) -> None:
    given = settings(built(overlay))
    fields = ServiceSettings.model_fields

    for setting in ("drain_seconds", "shutdown_seconds", "watchdog_seconds"):
        assert type(fields[setting].default)(given[setting.upper()]) == fields[setting].default


def test_no_rollout_takes_a_pod_away_before_its_successor_is_ready(overlay: str, name: str) -> None:
    strategy = find(built(overlay), "Deployment", name)["spec"]["strategy"]

    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def test_compose_gives_a_process_as_long_as_kubernetes_does_after_sigterm() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    process = compose["services"]["factory-core"]
    drain, shutdown = (float(process["environment"][name]) for name in ("DRAIN_SECONDS", "SHUTDOWN_SECONDS"))

    assert drain + shutdown + _LAST_SECONDS + _LAST_WORDS_SECONDS <= float(
        process["stop_grace_period"].rstrip("s")
    )
