"""Every alert goes to those whom its severity and service concern."""

import subprocess

import pytest
from monitoring.checks.rule_files import Rule, alerts

from support import ROOT
from vfactory.stack.programs import AMTOOL, require_programs
from vfactory.stack.state import state_directory

CONFIGURATION = ROOT / "monitoring/alertmanager/alertmanager.yml"
PLATFORM = ("postgres", "redis", "node", "prometheus", "alertmanager")
SERVICES = ("factory-core", "incident-event", "asset-management")


@pytest.fixture(scope="module")
def amtool() -> str:
    """The program."""
    return str(require_programs([AMTOOL], state_directory())[AMTOOL])


def receivers(amtool: str, **labels: str) -> str:
    told = subprocess.run(
        [
            amtool,
            "config",
            "routes",
            "test",
            "--no-version-check",
            f"--config.file={CONFIGURATION}",
            *(f"{name}={value}" for name, value in labels.items()),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()


@pytest.mark.parametrize(
    ("severity", "service", "expected"),
    [
        *(("critical", name, "incident-event,pagerduty,slack-services") for name in SERVICES),
        *(("critical", name, "incident-event,pagerduty,slack-platform") for name in PLATFORM),
        ("critical", "something-new", "incident-event,pagerduty,slack-services"),
        *(("warning", name, "slack-services") for name in SERVICES),
        *(("warning", name, "slack-platform") for name in PLATFORM),
        ("warning", "something-new", "slack-services"),
        ("info", "factory-core", "nobody"),
        ("none", "factory-core", "nobody"),
        ("", "factory-core", "nobody"),
    ],
)
def test_severity_says_how_loud_and_service_says_where(
    amtool: str, severity: str, service: str, expected: str
) -> None:
    assert receivers(amtool, alertname="VFactoryAny", severity=severity, service=service) == expected


@pytest.mark.parametrize("severity", ["none", "critical"])
def test_the_watchdog_goes_to_its_own_receiver_alone(amtool: str, severity: str) -> None:
    labels = {"alertname": "VFactoryWatchdog", "severity": severity, "service": "prometheus"}
    assert receivers(amtool, **labels) == "watchdog"


def expected(alert: Rule) -> set[str]:
    service = alert.labels["service"]
    slack = "slack-platform" if service in PLATFORM else "slack-services"
    return {
        "critical": {"incident-event", "pagerduty", slack},
        "warning": {slack},
        "none": {"watchdog"},
        "info": {"nobody"},
    }[alert.labels["severity"]]


@pytest.mark.parametrize("alert", alerts(ROOT), ids=lambda alert: alert.name)
def test_every_alert_is_told_as_loudly_as_its_severity_says(amtool: str, alert: Rule) -> None:
    service = alert.labels["service"]
    labels = {
        "alertname": alert.name,
        "severity": alert.labels["severity"],
        "service": "factory-core" if "{{" in service else service,
    }
    assert set(receivers(amtool, **labels).split(",")) == expected(alert)
