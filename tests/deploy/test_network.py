"""Who may talk to whom: nothing but what is needed, under a policy that denies the rest."""

import pytest

from support.manifests.built import SERVICES, WORKERS, built
from support.manifests.network_policies import Peer, lets_through, peer_of

PROCESSES = [*SERVICES, *WORKERS]
MIGRATIONS = [f"{service}-migrate" for service in SERVICES]
WITH_REDIS = [name for name in PROCESSES if name != "asset-management"]
INSIDE = Peer(address="10.1.2.3")
ELSEWHERE = Peer(address="203.0.113.7")
STRANGER = Peer(labels={"app": "stranger"}, namespace="v-factory")
INGRESS = [
    Peer(namespace=name) for name in ("ingress-nginx", "nginx-ingress", "haproxy-controller", "traefik")
]


@pytest.mark.parametrize("name", [*PROCESSES, *MIGRATIONS])
def test_every_process_reaches_its_database(name: str) -> None:
    local, outside, cluster = built("local"), built("production"), built("production", "cloudnative-pg")
    instance = Peer(labels={"cnpg.io/cluster": "postgres"}, namespace="v-factory")

    assert lets_through(local, peer_of(local, name), peer_of(local, "postgres"), 5432)
    assert lets_through(outside, peer_of(outside, name), INSIDE, 5432)
    assert lets_through(cluster, peer_of(cluster, name), instance, 5432)
    assert not lets_through(outside, peer_of(outside, name), ELSEWHERE, 5432)
    assert not lets_through(outside, peer_of(outside, name), INSIDE, 443)


def test_the_backup_reaches_the_database_and_nothing_of_ours() -> None:
    local, outside = built("local", "backup"), built("production", "backup")
    cluster = built("production", "backup", "cloudnative-pg")
    instance = Peer(labels={"cnpg.io/cluster": "postgres"}, namespace="v-factory")

    assert lets_through(local, peer_of(local, "v-factory-backup"), peer_of(local, "postgres"), 5432)
    assert lets_through(outside, peer_of(outside, "v-factory-backup"), INSIDE, 5432)
    assert lets_through(cluster, peer_of(cluster, "v-factory-backup"), instance, 5432)
    assert not lets_through(outside, peer_of(outside, "v-factory-backup"), INSIDE, 6379)
    assert not lets_through(
        outside, peer_of(outside, "v-factory-backup"), peer_of(outside, "factory-core"), 8000
    )


@pytest.mark.parametrize("name", [*PROCESSES, *MIGRATIONS])
def test_only_who_needs_redis_reaches_it(name: str) -> None:
    local, outside = built("local"), built("production")

    assert lets_through(local, peer_of(local, name), peer_of(local, "redis"), 6379) is (name in WITH_REDIS)
    assert lets_through(outside, peer_of(outside, name), INSIDE, 6379) is (name in WITH_REDIS)


@pytest.mark.parametrize("source", [*PROCESSES, *MIGRATIONS])
@pytest.mark.parametrize("target", PROCESSES)
def test_of_our_processes_only_incident_event_calls_factory_core(source: str, target: str) -> None:
    build = built("production")
    needed = target == "factory-core" and source in {"incident-event", "incident-event-worker"}

    assert lets_through(build, peer_of(build, source), peer_of(build, target), 8000) is needed


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("controller", INGRESS, ids=lambda peer: peer.namespace)
def test_the_ingress_controller_reaches_apis_and_no_worker(name: str, controller: Peer) -> None:
    build = built("production")

    assert lets_through(build, controller, peer_of(build, name), 8000) is (name in SERVICES)


@pytest.mark.parametrize("name", [*PROCESSES, "postgres", "redis"])
def test_a_stranger_in_the_namespace_reaches_nothing(name: str) -> None:
    build = built("local")

    assert not any(lets_through(build, STRANGER, peer_of(build, name), port) for port in (8000, 5432, 6379))


@pytest.mark.parametrize("component", ["prometheus", "prometheus-operator"])
@pytest.mark.parametrize("name", PROCESSES)
def test_prometheus_and_the_blackbox_exporter_reach_every_process(component: str, name: str) -> None:
    build = built("production", component)
    process = peer_of(build, name)
    prometheus = peer_of(build, "prometheus") if component == "prometheus" else Peer(namespace="monitoring")

    assert lets_through(build, prometheus, process, 8000)
    assert lets_through(build, peer_of(build, "blackbox-exporter"), process, 8000)


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("blackbox-exporter", 9115),
        ("postgres-exporter", 9187),
        ("redis-exporter", 9121),
        ("kube-state-metrics", 8080),
        ("alertmanager", 9093),
        ("prometheus", 9090),
    ],
)
def test_prometheus_reaches_exporters_alertmanager_and_itself(name: str, port: int) -> None:
    build = built("production", "prometheus")

    assert lets_through(build, peer_of(build, "prometheus"), peer_of(build, name), port)
    assert not lets_through(build, STRANGER, peer_of(build, name), port)


def test_prometheus_reaches_nodes_and_their_kubelets() -> None:
    build = built("production", "prometheus")
    prometheus = peer_of(build, "prometheus")

    assert lets_through(build, prometheus, peer_of(build, "node-exporter", "v-factory-nodes"), 9100)
    assert lets_through(build, prometheus, INSIDE, 10250)


def test_exporters_reach_what_they_tell_of() -> None:
    local = built("local", "prometheus")
    cluster = built("production", "prometheus", "cloudnative-pg")
    instance = Peer(labels={"cnpg.io/cluster": "postgres"}, namespace="v-factory")

    assert lets_through(local, peer_of(local, "postgres-exporter"), peer_of(local, "postgres"), 5432)
    assert lets_through(local, peer_of(local, "redis-exporter"), peer_of(local, "redis"), 6379)
    assert lets_through(cluster, peer_of(cluster, "postgres-exporter"), instance, 5432)
    assert lets_through(cluster, peer_of(cluster, "redis-exporter"), INSIDE, 6379)


def test_alertmanager_tells_incident_event_and_the_world() -> None:
    build = built("production", "prometheus")
    alertmanager = peer_of(build, "alertmanager")

    assert lets_through(build, alertmanager, peer_of(build, "incident-event"), 8000)
    assert not lets_through(build, alertmanager, peer_of(build, "factory-core"), 8000)
    assert lets_through(build, alertmanager, ELSEWHERE, 443)


def test_keda_asks_prometheus() -> None:
    build = built("production", "prometheus", "keda")

    assert lets_through(build, Peer(namespace="keda"), peer_of(build, "prometheus"), 9090)
    assert not lets_through(
        built("production", "prometheus"), Peer(namespace="keda"), peer_of(build, "prometheus"), 9090
    )


@pytest.mark.parametrize("name", PROCESSES)
def test_traces_go_to_the_collector_when_they_are_wanted(name: str) -> None:
    collector = Peer(namespace="observability")
    without, with_it = built("production"), built("production", "otlp")

    assert lets_through(with_it, peer_of(with_it, name), collector, 4318)
    assert not lets_through(without, peer_of(without, name), collector, 4318)


@pytest.mark.parametrize(
    ("pipeline", "agent", "port"),
    [
        ("loki", "alloy", 3100),
        ("elk", "filebeat", 9200),
        ("fluent-bit", "fluent-bit", 3100),
        ("fluentd", "fluentd", 9200),
        ("datadog", "datadog-agent", 443),
        ("splunk", "otel-collector", 8088),
    ],
)
def test_a_log_agent_sends_and_is_not_called(pipeline: str, agent: str, port: int) -> None:
    build = built("production", f"logs-{pipeline}")
    peer = peer_of(build, agent, f"v-factory-logs-{pipeline}")

    assert lets_through(build, peer, ELSEWHERE, port)
    assert not lets_through(build, peer, INSIDE, 5432)
    assert not lets_through(build, Peer(namespace="v-factory"), peer, next(iter(peer.ports.values())))
