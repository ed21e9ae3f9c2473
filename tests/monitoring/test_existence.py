"""Whether a metric, a label or a value exists, here or in Kubernetes."""

import pytest
from monitoring.checks.existence import SAMPLE_FOLDER, SAMPLE_JOBS, problems, schema
from monitoring.checks.kubernetes_jobs import Jobs

from support import ROOT
from support.monitoring.tree import Tree, write

CORE = "v-factory-factory-core"
SERIES = [
    {"__name__": "m", "job": CORE, "instance": "a", "path": "/x", "state": "up"},
    {"__name__": "m", "job": CORE, "instance": "a", "path": "/y", "state": "down"},
    {"__name__": "h_bucket", "job": CORE, "instance": "a", "le": "0.5"},
    {"__name__": "ALERTS", "alertname": "VFactoryWatchdog", "severity": "none"},
    {"__name__": "gone:m:sum", "job": CORE},
]
THERE = schema(ROOT, SERIES)


@pytest.mark.parametrize(
    ("expression", "labels"),
    [
        ('sum by (path) (m{state="up"})', {"path"}),
        ("m * on (job, instance) group_left () sum by (job, instance) (h_bucket)", {"path", "state", "job"}),
        ("m - ignoring (state) m", {"path"}),
        ("max by (pod, node) (m)", {"pod"}),
        ('m{pod="some-pod"}', set()),
        ("histogram_quantile(0.5, h_bucket)", {"job"}),
        ('label_replace(m, "service", "$1", "job", "v-factory-(.+)")', {"service"}),
        ('count(ALERTS{severity="critical"})', set()),
        ('m{path=~"/z.*"}', set()),
        ('m{state=""}', set()),  # those of its series that lack the label
        ('kube_pod_status_phase{phase="Succeeded"}', {"pod", "namespace"}),
        ("job:http_requests:rate5m", {"job"}),
    ],
)
def test_what_is_there_is_no_problem(expression: str, labels: set[str]) -> None:
    assert list(problems(expression, labels, THERE)) == []


@pytest.mark.parametrize(
    ("expression", "labels", "said"),
    [
        ("n", set(), "asks for n, which nobody exposes"),
        ("gone:m:sum", set(), "asks for gone:m:sum, which nobody exposes"),
        ('m{colour="red"}', set(), "selects m by colour, which it does not have"),
        ('m{state="idle"}', set(), 'selects m by state="idle", which no series has'),
        ("sum by (colour) (m)", set(), "asks for the label colour, which m{} does not have"),
        ("sum without (colour) (m)", set(), "asks for the label colour, which m{} does not have"),
        ("m / on (le) h_bucket", set(), "asks for the label le, which m{} does not have"),
        ("m - ignoring (colour) m", set(), "asks for the label colour, which m{} does not have"),
        ("histogram_quantile(0.5, sum by (job) (h_bucket))", set(), "asks for the label le"),
        ('label_replace(m, "a", "$1", "colour", "(.+)")', set(), "asks for the label colour"),
        ("sum by (path) (m)", {"job"}, "shows the label job, which its result does not have"),
        ("kube_pod_status_phase", {"uid"}, "shows the label uid, which its result does not have"),
        ("container_fs_usage_bytes", set(), "asks for container_fs_usage_bytes, which nobody exposes"),
    ],
)
def test_what_is_not_there_is_said(expression: str, labels: set[str], said: str) -> None:
    assert any(problem.startswith(said) for problem in problems(expression, labels, THERE))


@pytest.mark.parametrize(
    ("job", "labels"),
    [
        (CORE, {"job", "instance", "pod", "node", "version"}),
        (f"{CORE}-worker", {"job", "instance", "pod", "node", "version"}),
        ("v-factory-health", {"job", "instance", "pod", "node", "service", "process"}),
        ("v-factory-postgres", {"job", "instance"}),
        ("v-factory-node", {"job", "instance", "node"}),
        ("cadvisor", {"job", "instance", "node"}),
        ("somebody-else", set()),
    ],
)
def test_targets_in_kubernetes_have_the_labels_that_relabelling_gives(job: str, labels: set[str]) -> None:
    assert Jobs(ROOT).labels(job) == labels


def test_what_is_dropped_after_a_scrape_is_not_there() -> None:
    jobs = Jobs(ROOT)
    assert jobs.keeps("cadvisor", "container_memory_rss")
    assert not jobs.keeps("cadvisor", "container_fs_usage_bytes")
    assert jobs.keeps("kubelet", "kubelet_volume_stats_used_bytes")
    assert not jobs.keeps("kubelet", "kubelet_running_pods")
    assert jobs.keeps(CORE, "anything")
    assert not jobs.keeps_label("kube-state-metrics", "uid")
    assert jobs.keeps_label("kube-state-metrics", "pod")


def test_a_sample_of_what_prometheus_does_not_keep_is_no_sample(tree: Tree) -> None:
    sample = "monitoring/prometheus/samples/cadvisor.prom"
    with tree.changed(sample, write('container_fs_usage_bytes{namespace="v-factory"} 1\n')):
        assert "container_fs_usage_bytes" not in schema(tree.root, [])


def test_every_sample_says_where_it_is_from_and_of_which_version() -> None:
    samples = sorted((ROOT / SAMPLE_FOLDER).glob("*.prom"))
    assert [path.stem for path in samples] == sorted(SAMPLE_JOBS)
    for path in samples:
        head = path.read_text("utf-8").partition("# TYPE")[0]
        assert "\n# version: " in head
        assert "\n# source: " in head
