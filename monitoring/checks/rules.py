"""What must hold for every rule beyond its syntax, and for every alert somebody may be woken by."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from monitoring.checks import promql
from monitoring.checks.finding import Finding
from monitoring.checks.rule_files import Rule, rules

SCRAPE_INTERVAL: Final = timedelta(seconds=15)
LEAST_SCRAPES: Final = 4
SEVERITIES: Final = ("critical", "warning", "info", "none")
ANNOTATIONS: Final = ("summary", "description", "summary_ko", "runbook_url", "dashboard_url")
ALERT_NAME: Final = re.compile(r"VFactory[A-Z][A-Za-z0-9]+")
RECORD_NAME: Final = re.compile(r"[a-z][a-z0-9_]*:[a-z][a-z0-9_]*:[a-z0-9_]+")
USED_LABEL: Final = re.compile(r"\$labels\.([A-Za-z_][A-Za-z0-9_]*)")
HANGUL: Final = re.compile(r"[가-힣]")
UID: Final = re.compile(r"/d/([a-z0-9-]+)")
TESTS: Final = Path("monitoring/prometheus/tests")
DASHBOARDS: Final = Path("monitoring/grafana/generated")
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Problems = Iterator[str]


def check(root: Path) -> list[Finding]:
    """Everything that is wrong with the rules below `root`."""
    known = rules(root)
    findings = [Finding(rule.file, rule.name, problem) for rule in known for problem in _problems(rule)]
    findings += _duplicates(known)
    alerts = [rule for rule in known if rule.is_alert]
    findings += [Finding(alert.file, alert.name, text) for alert in alerts for text in _links(alert, root)]
    return findings + _untested(alerts, root)


def _problems(rule: Rule) -> Problems:
    try:
        tree = promql.parse(rule.expression)
    except promql.QueryError as error:
        yield f"is no PromQL: {error}"
        return
    for problem in (*EXPRESSION, *(ALERT if rule.is_alert else RECORD)):
        yield from problem(rule, tree)


def _windows(_: Rule, tree: Any) -> Problems:
    for function, window in promql.windows(tree):
        if window < LEAST_SCRAPES * SCRAPE_INTERVAL:
            yield f"{function} over {window} sees fewer than {LEAST_SCRAPES} scrapes"


def _regexps(_: Rule, tree: Any) -> Problems:
    for regexp in promql.idle_regexps(tree):
        yield f"{regexp} is no regular expression, or matches everything"


def _comparison(_: Rule, tree: Any) -> Problems:
    if not promql.compares(tree):
        yield "compares with nothing, so it fires whenever there is a series"


def _absence(rule: Rule, tree: Any) -> Problems:
    if promql.calls(tree, "absent") and seconds(rule.fields.get("for", "0s")) < 2 * SCRAPE_INTERVAL.seconds:
        yield "absent() without a `for` of two scrapes fires at every restart of Prometheus"


def _rankings(_: Rule, tree: Any) -> Problems:
    if any(str(node.op) in {"topk", "bottomk"} for node in promql.aggregations(tree)):
        yield "topk or bottomk in an alert changes who fires at each evaluation"


def _labels(rule: Rule, _: Any) -> Problems:
    if rule.labels.get("severity") not in SEVERITIES:
        yield f"severity must be one of {', '.join(SEVERITIES)}"
    if not rule.labels.get("service"):
        yield "has no label service"
    for name, text in rule.labels.items():
        if "$value" in str(text) or ".Value" in str(text):
            yield f"the label {name} holds the value: a new alert at every evaluation"


def _templates(rule: Rule, tree: Any) -> Problems:
    left = promql.labels_left(tree)
    if left is None:
        return
    texts = [*rule.labels.values(), *rule.annotations.values()]
    for label in sorted({label for text in texts for label in USED_LABEL.findall(str(text))} - left):
        yield f"$labels.{label} is used, but does not survive the expression"


def _annotations(rule: Rule, _: Any) -> Problems:
    for name in ANNOTATIONS:
        if not str(rule.annotations.get(name, "")).strip():
            yield f"has no annotation {name}"
    if not HANGUL.search(str(rule.annotations.get("summary_ko", ""))):
        yield "summary_ko is not Korean"
    if not ALERT_NAME.fullmatch(rule.name):
        yield "an alert is named VFactory<Condition>"


def _record_name(rule: Rule, _: Any) -> Problems:
    if not RECORD_NAME.fullmatch(rule.name):
        yield "a recording rule is named level:metric:operations"


EXPRESSION: Final[Sequence[Callable[[Rule, Any], Problems]]] = (_windows, _regexps)
ALERT: Final[Sequence[Callable[[Rule, Any], Problems]]] = (
    _comparison,
    _absence,
    _rankings,
    _labels,
    _templates,
    _annotations,
)
RECORD: Final[Sequence[Callable[[Rule, Any], Problems]]] = (_record_name,)


def _links(alert: Rule, root: Path) -> Problems:
    runbook = str(alert.annotations.get("runbook_url", ""))
    if runbook != f"{{{{ $externalLabels.runbooks_url }}}}/{alert.name}.md":
        yield f"runbook_url leads to {runbook}, not to its own page"
    uid = UID.search(str(alert.annotations.get("dashboard_url", "")))
    if uid is None or not (root / DASHBOARDS / f"{uid[1]}.json").exists():
        yield f"dashboard_url leads to {uid[1] if uid else 'nothing'}, which is no dashboard"


def _duplicates(known: Sequence[Rule]) -> list[Finding]:
    alerts = Counter(rule.name for rule in known if rule.is_alert)
    records = Counter((rule.name, tuple(sorted(rule.labels.items()))) for rule in known if not rule.is_alert)
    twice = {name for name, count in alerts.items() if count > 1}
    twice |= {name for (name, _), count in records.items() if count > 1}
    return [Finding(rule.file, rule.name, "is there twice") for rule in known if rule.name in twice]


def _untested(alerts: Sequence[Rule], root: Path) -> list[Finding]:
    fires: set[str] = set()
    silent: set[str] = set()
    for path in sorted((root / TESTS).glob("*.yml")):
        for test in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for case in test.get("alert_rule_test", []):
                (fires if case.get("exp_alerts") else silent).add(case["alertname"])
    missing = {"no test in which it fires": fires, "no test in which it is silent": silent}
    return [
        Finding(alert.file, alert.name, f"has {what}")
        for alert in alerts
        for what, tested in missing.items()
        if alert.name not in tested and not (tested is silent and alert.labels.get("severity") == "none")
    ]


def seconds(duration: str) -> float:
    """Prometheus' `1h30m` in seconds."""
    return sum(
        float(number) * UNITS[unit]
        for number, unit in re.findall(r"([0-9.]+)([smhd])(?![a-z])", str(duration))
    )
