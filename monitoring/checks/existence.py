"""Whether rules and dashboards ask for metrics and labels that there are.

What there is, is what the running system exposes, what committed samples hold of what runs in Kubernetes
only, and what recording rules make of it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from monitoring.checks import promql
from monitoring.checks.finding import Finding
from monitoring.checks.kubernetes_jobs import Jobs
from monitoring.checks.panels import SAMPLES, AnyValue, is_logs
from monitoring.checks.rule_files import Rule, rules
from monitoring.checks.rules import USED_LABEL
from monitoring.grafana.generated_boards import DrawnBoard, boards
from monitoring.grafana.variables import put_in

SAMPLE_FOLDER: Final = Path("monitoring/prometheus/samples")
SAMPLE_JOBS: Final = {
    "cadvisor": "cadvisor",
    "cert-manager": "cert-manager",
    "factory-core-with-replica": "v-factory-factory-core",
    "kube-state-metrics": "kube-state-metrics",
    "kubelet": "kubelet",
    "postgres-exporter-with-replica": "v-factory-postgres",
}
NAME: Final = "__name__"
VALUES_OF: Final = re.compile(r"label_values\((.+), (\w+)\)")
LEGEND_LABEL: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")

# The labels of these come and go with what fires.
MADE_BY_PROMETHEUS: Final = ("ALERTS", "ALERTS_FOR_STATE")

Values = Mapping[str, set[str]]
"""The values of each label; none where any may come."""
Schema = Mapping[str, Values]


def check(root: Path, series: Iterable[Mapping[str, str]]) -> list[Finding]:
    """What is asked for below `root` that is neither in the samples, nor recorded, nor in `series`.

    Args:
        root: the repository.
        series: the labels of every series of a running Prometheus, with their names.
    """
    there = schema(root, series)
    asked = [*_of_rules(root), *(one for board in boards(root) for one in _of_board(board, root))]
    return [
        Finding(file, subject, problem)
        for file, subject, expression, labels in asked
        for problem in dict.fromkeys(problems(expression, labels, there))
    ]


def schema(root: Path, series: Iterable[Mapping[str, str]]) -> Schema:
    """Every metric that there is and the labels that its series have here or in Kubernetes."""
    jobs = Jobs(root)
    found: dict[str, dict[str, set[str]]] = {}
    for labels in (*series, *_sampled(root, jobs)):
        name = labels[NAME]
        if ":" in name:
            continue  # made by a rule, perhaps by one that is no more
        values = found.setdefault(name, {})
        for label in {*labels, *jobs.labels(labels.get("job", ""))} - {NAME}:
            values.setdefault(label, set())
            if label in labels and name not in MADE_BY_PROMETHEUS:
                values[label].add(labels[label])
    for rule in rules(root):
        if not rule.is_alert:
            found.setdefault(rule.name, {}).update({label: set() for label in _recorded(rule, found)})
    return found


def problems(expression: str, labels: Iterable[str], there: Schema) -> Iterator[str]:
    """What an expression, and texts that use these `labels` of its result, ask for in vain."""
    tree = promql.parse(expression)
    for selector in promql.selectors(tree):
        yield from _selector(selector, there)
    for node in promql.walk(tree):
        for wanted, inner in _demands(node):
            left = promql.labels_left(inner, _lookup(there))
            missing = set() if left is None else set(wanted) - left
            yield from (f"asks for the label {label}, which {inner} does not have" for label in missing)
    left = promql.labels_left(tree, _lookup(there))
    if left is not None:
        yield from (
            f"shows the label {label}, which its result does not have" for label in set(labels) - left
        )


def _selector(selector: Any, there: Schema) -> Iterator[str]:
    name = promql.metric(selector)
    if name not in there:
        yield f"asks for {name or selector}, which nobody exposes"
        return
    for label, (operator, value) in promql.matched_labels(selector).items():
        if label not in there[name]:
            yield f"selects {name} by {label}, which it does not have"
        elif operator == "=" and value and there[name][label] and value not in there[name][label]:
            yield f'selects {name} by {label}="{value}", which no series has'


def _demands(node: Any) -> Iterator[tuple[Iterable[str], Any]]:
    """The labels that a node needs, and the expression which has to have them."""
    kind = promql.kind(node)
    if kind == "AggregateExpr" and node.modifier is not None:
        yield node.modifier.labels, node.expr
    if kind == "Call" and node.func.name == "label_replace":
        yield [node.args[3].val], node.args[0]
    if kind == "Call" and node.func.name == "histogram_quantile":
        yield ["le"], node.args[1]
    if kind == "BinaryExpr" and node.modifier is not None and node.modifier.matching is not None:
        sides = (node.lhs, node.rhs) if "Include" in str(node.modifier.matching.type) else (node.lhs,)
        yield from ((node.modifier.matching.labels, side) for side in sides if promql.selectors(side))


def _lookup(there: Schema) -> Callable[[Any], set[str] | None]:
    """Labels by selector; an unknown metric has unknown ones, so that it is told once."""

    def labels(selector: Any) -> set[str] | None:
        known = there.get(promql.metric(selector))
        return None if known is None else set(known)

    return labels


def _recorded(rule: Rule, known: Schema) -> set[str]:
    left = promql.labels_left(promql.parse(rule.expression), _lookup(known))
    return {*(left or ()), *rule.labels}


def _sampled(root: Path, jobs: Jobs) -> Iterator[Mapping[str, str]]:
    for path in sorted((root / SAMPLE_FOLDER).glob("*.prom")):
        job = SAMPLE_JOBS[path.stem]
        for family in text_string_to_metric_families(path.read_text("utf-8")):
            for sample in family.samples:
                if jobs.keeps(job, sample.name):
                    labels = {
                        name: value for name, value in sample.labels.items() if jobs.keeps_label(job, name)
                    }
                    yield {**labels, NAME: sample.name, "job": job, "instance": ""}


def _of_rules(root: Path) -> Iterator[tuple[str, str, str, set[str]]]:
    for rule in rules(root):
        texts = [str(text) for text in (*rule.labels.values(), *rule.annotations.values())]
        labels = {label for text in texts for label in USED_LABEL.findall(text)}
        yield rule.file, rule.name, rule.expression, labels


def _of_board(board: DrawnBoard, root: Path) -> Iterator[tuple[str, str, str, set[str]]]:
    file, values = str(board.path.relative_to(root)), AnyValue(SAMPLES)
    for panel in board.panels:
        for target in [] if is_logs(panel) else panel.targets:
            labels = set(LEGEND_LABEL.findall(target.legend))
            yield file, panel.title, put_in(target.expression, values), labels
    for annotation in board.annotations:
        yield file, str(annotation["name"]), put_in(annotation["expr"], values), set()
    for name, variable in board.variables.items():
        asked = VALUES_OF.fullmatch(str(variable.get("query", "")))
        if asked is not None:
            yield file, f"${name}", put_in(asked[1], values), {asked[2]}
