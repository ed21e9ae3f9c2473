"""Rules and dashboards ask for nothing that the running system, or Kubernetes' samples, lack."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from monitoring.checks import existence
from monitoring.traffic import in_background

from support import ROOT
from support.monitoring.tree import Mutation, Tree, swap, without_lines
from support.plant.stack import Stack, run_stack
from vfactory.client.find_plant import local_plant

PATIENCE_SECONDS = 120
RULES = "monitoring/prometheus/rules"
BOARDS = "monitoring/grafana/generated"

Series = list[Mapping[str, str]]


@pytest.fixture(scope="module")
def stack(copy_home: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with its monitoring, and traffic of every kind."""
    home = copy_home(tmp_path_factory.mktemp("a watched stack"))
    with run_stack(home, VFACTORY_MONITORING="on") as stack, pytest.MonkeyPatch.context() as here:
        here.setattr("monitoring.traffic.actors.STREAM_SECONDS", 2.0)  # counted when it ends
        for name, value in stack.environment.items():
            here.setenv(name, value)
        with in_background(local_plant(stack.home, "traffic"), pace=3):
            yield stack


def series_of(stack: Stack) -> Series:
    url = f"http://127.0.0.1:{stack.monitoring_ports['prometheus']}/api/v1/series"
    answer = httpx.get(url, params={"match[]": '{__name__=~".+"}'}, timeout=30)
    series: Series = answer.raise_for_status().json()["data"]
    return series


@pytest.fixture(scope="module")
def series(stack: Stack) -> Series:
    """Every series of the running Prometheus, as soon as nothing is asked for in vain, or after a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while existence.check(ROOT, found := series_of(stack)) and time.monotonic() < deadline:
        time.sleep(2)
    return found


def test_every_metric_label_and_value_that_is_asked_for_is_there(series: Series) -> None:
    assert [str(finding) for finding in existence.check(ROOT, series)] == []


MUTATIONS = (
    Mutation(
        f"{RULES}/events.yml",
        swap(
            "sum by (job, publisher) (vfactory_consumer_lag_events) > 1000",
            "sum by (job, publisher) (vfactory_consumer_lag) > 1000",
        ),
        "VFactoryConsumerLagHigh",
        "asks for vfactory_consumer_lag, which nobody exposes",
    ),
    Mutation(
        f"{RULES}/events.yml",
        swap(
            "sum by (job, publisher) (vfactory_consumer_lag_events) > 1000",
            "sum by (job, stream) (vfactory_consumer_lag_events) > 1000",
        ),
        "VFactoryConsumerLagHigh",
        "asks for the label stream, which vfactory_consumer_lag_events{} does not have",
    ),
    Mutation(
        f"{RULES}/events.yml",
        swap(
            "events behind {{\n            $labels.publisher }}",
            "events behind {{\n            $labels.stream }}",
        ),
        "VFactoryConsumerLagHigh",
        "shows the label stream, which its result does not have",
    ),
    Mutation(
        f"{RULES}/events.yml",
        swap('vfactory_sse_ended_total{reason="slow"}', 'vfactory_sse_ended_total{why="slow"}'),
        "VFactoryStreamClientsCut",
        "selects vfactory_sse_ended_total by why, which it does not have",
    ),
    Mutation(
        f"{RULES}/events.yml",
        swap('vfactory_sse_ended_total{reason="slow"}', 'vfactory_sse_ended_total{reason="too slow"}'),
        "VFactoryStreamClientsCut",
        'selects vfactory_sse_ended_total by reason="too slow", which no series has',
    ),
    Mutation(
        f"{RULES}/slo.yml",
        swap('le="0.5"', 'le="0.4"'),
        "slo:errors:rate5m",
        'selects http_request_duration_seconds_bucket by le="0.4", which no series has',
    ),
    Mutation(
        f"{RULES}/recording.yml",
        swap("record: job_path:http_requests:rate5m", "record: job_route:http_requests:rate5m"),
        "VFactoryEndpointLatencyHigh",
        "asks for job_path:http_requests:rate5m, which nobody exposes",
    ),
    Mutation(
        f"{RULES}/resources.yml",
        swap(
            'kube_pod_status_phase{namespace="v-factory", phase=~"Succeeded|Failed"}',
            'kube_pod_status_phase{namespace="v-factory", phase="Done"}',
        ),
        "VFactoryPodNotReady",
        'selects kube_pod_status_phase by phase="Done", which no series has',
    ),
    Mutation(
        f"{RULES}/resources.yml",
        swap("max by (pod) (kube_pod_status_ready", "max by (uid) (kube_pod_status_ready"),
        "VFactoryPodNotReady",
        "asks for the label uid",
    ),
    Mutation(
        f"{BOARDS}/vfactory-factory.json",
        swap("vfactory_alertmanager_notifications_total", "vfactory_alert_webhooks_total"),
        "Alertmanager's webhook",
        "asks for vfactory_alert_webhooks_total, which nobody exposes",
    ),
    Mutation(
        f"{BOARDS}/vfactory-factory.json",
        swap('"legendFormat": "severity {{severity}}"', '"legendFormat": "severity {{level}}"'),
        "Open incidents by severity",
        "shows the label level, which its result does not have",
    ),
    Mutation(
        f"{BOARDS}/vfactory-overview.json",
        swap("label_values(vfactory_build_info, service)", "label_values(vfactory_build_info, name)"),
        "$service",
        "shows the label name, which its result does not have",
    ),
    Mutation(
        f"{BOARDS}/vfactory-overview.json",
        swap("sum(increase(vfactory_incidents_opened_total", "sum(increase(vfactory_incidents_total"),
        "Incidents opened",
        "asks for vfactory_incidents_total, which nobody exposes",
    ),
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_what_is_not_there_is_named(series: Series, tree: Tree, mutation: Mutation) -> None:
    with tree.changed(mutation.file, mutation.change):
        found = existence.check(tree.root, series)
    assert mutation.said in "\n".join(one.message for one in found if one.subject == mutation.subject)


@pytest.mark.parametrize(
    ("sample", "gone"),
    [("cadvisor", "container_memory_working_set_bytes"), ("kubelet", "kubelet_volume_stats_capacity_bytes")],
)
def test_what_a_sample_lacks_is_named(series: Series, tree: Tree, sample: str, gone: str) -> None:
    with tree.changed(f"monitoring/prometheus/samples/{sample}.prom", without_lines(gone)):
        found = existence.check(tree.root, series)
    assert f"asks for {gone}, which nobody exposes" in {one.message for one in found}
