"""The guide's Grafana dashboards and alerts: every bullet has its panel or rule."""

import pytest
import yaml

from support import ROOT

MONITORING = ROOT / "monitoring"


def queries(board: str) -> str:
    return (MONITORING / f"grafana/generated/vfactory-{board}.json").read_text("utf-8")


@pytest.mark.parametrize(
    ("board", "asked"),
    [
        ("overview", "http_requests_total"),
        ("overview", "http_request_duration_seconds_sum"),
        ("overview", "4.."),
        ("overview", "5.."),
        ("endpoints", "by (method, path"),
        ("resources", "process_cpu_seconds_total"),
        ("resources", "process_resident_memory_bytes"),
        ("dependencies", "pg_stat_activity_count"),
    ],
)
def test_the_guides_dashboards_show_what_it_lists(board: str, asked: str) -> None:
    assert asked in queries(board)


@pytest.mark.parametrize(
    ("file", "alerts"),
    [
        ("services", {"VFactoryRestarted", "VFactoryPodRestarted", "VFactoryCrashLooping"}),
        ("services", {"VFactoryHealthCheckFailing"}),
        ("resources", {"VFactoryCpuHigh", "VFactoryMemoryHigh", "VFactoryDiskFull"}),
        ("services", {"VFactoryErrorRateHigh", "VFactoryEndpointErrorRateHigh"}),
    ],
)
def test_the_guides_situations_have_alerts(file: str, alerts: set[str]) -> None:
    document = yaml.safe_load((MONITORING / f"prometheus/rules/{file}.yml").read_text("utf-8"))
    assert alerts <= {rule.get("alert") for group in document["groups"] for rule in group["rules"]}
