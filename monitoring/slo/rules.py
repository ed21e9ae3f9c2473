"""Makes the objectives' recording rules and alerts.

Every objective has two series: `slo:events:rate5m` and, of these, `slo:errors:rate5m`. Longer windows are
sums of them, weighted by traffic, so that a month costs as little as an hour. Burn rates and windows are
those of "The Site Reliability Workbook" (Google), chapter 5, table 5-8.
"""

from collections.abc import Sequence
from typing import Any, Final

import yaml

from monitoring.slo.objectives import Objective

HEADER: Final = "# Generated from monitoring/slo.yml by `make monitoring`: do not edit.\n"
WINDOWS: Final = ("30m", "1h", "2h", "6h", "1d", "3d", "30d")
INTERVAL_SECONDS: Final = 30
LEAST_BAD_EVENTS: Final = 10
"""Fewer in the long window are no trend: a quiet night's single failure would be a page."""

ASKED_BY_PEOPLE: Final = 'path!~"/health.*|/metrics"'
ANSWERED_AT_ONCE: Final = 'path!~"/health.*|/metrics|/v1/events"'
UPLOADED_TO: Final = "asset-management"
UPLOADS: Final = 'method="POST", path="/v1/assets"'

Rule = dict[str, Any]


def generate(objectives: Sequence[Objective]) -> str:
    """The file of rules, the same text for the same objectives."""
    groups = [
        {"name": "vfactory-slo-events", "interval": f"{INTERVAL_SECONDS}s", "rules": _events(objectives)},
        {"name": "vfactory-slo-ratios", "interval": f"{INTERVAL_SECONDS}s", "rules": _ratios()},
        {"name": "vfactory-slo-month", "interval": "5m", "rules": _month()},
        {"name": "vfactory-slo-alerts", "rules": _alerts()},
    ]
    return HEADER + yaml.dump(
        {"groups": groups}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110
    )


class _Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as blocks, and every label where it belongs."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _events(objectives: Sequence[Objective]) -> list[Rule]:
    rules = []
    for objective in objectives:
        labels = {"slo": objective.name, "service": objective.service, "kind": objective.kind}
        events, errors = _expressions(objective)
        rules += [
            {"record": "slo:error_budget:ratio", "expr": f"vector({objective.budget:g})", "labels": labels},
            {"record": "slo:events:rate5m", "expr": events, "labels": labels},
            {"record": "slo:errors:rate5m", "expr": errors, "labels": labels},
        ]
    return rules


def _expressions(objective: Objective) -> tuple[str, str]:
    """How many events a second there are, and how many of them are bad (0, not nothing, when none is)."""
    if objective.kind == "availability":
        total = f'http_requests_total{{job="v-factory-{objective.service}", {ASKED_BY_PEOPLE}}}'
        bad = total.replace("}", ', status_code=~"5.."}')
        events = f"sum(rate({total}[5m]))"
        return events, f"sum(rate({bad}[5m]))\nor\n0 * {events}"
    if objective.kind == "latency":
        job, within = f'job="v-factory-{objective.service}", {ANSWERED_AT_ONCE}', f'le="{objective.within}"'
        events = _sum(f"http_request_duration_seconds_count{{{job}}}", objective)
        return events, f"{events}\n-\n" + _sum(
            f"http_request_duration_seconds_bucket{{{job}, {within}}}", objective
        )
    job = f'job="v-factory-{objective.service}-worker"'
    metric = "vfactory_detection_latency_seconds"
    events = f"sum(rate({metric}_count{{{job}}}[5m]))"
    return events, f'{events}\n-\nsum(rate({metric}_bucket{{{job}, le="{objective.within}"}}[5m]))'


def _sum(series: str, objective: Objective) -> str:
    """The rate of all requests that are to be quick: uploads take as long as their sender."""
    if objective.service != UPLOADED_TO:
        return f"sum(rate({series}[5m]))"
    name, _, rest = series.partition("{")
    uploads = f"{name}{{{UPLOADS}, {rest}"
    return f"sum(\n  rate({series}[5m])\n  unless\n  rate({uploads}[5m])\n)"


def _ratios() -> list[Rule]:
    short = {"record": "slo:error_ratio:rate5m", "expr": "slo:errors:rate5m / (slo:events:rate5m > 0)"}
    return [short, *(_ratio(window) for window in WINDOWS[:-1])]


def _ratio(window: str) -> Rule:
    return {
        "record": f"slo:error_ratio:rate{window}",
        "expr": (
            f"sum_over_time(slo:errors:rate5m[{window}])\n/\n(sum_over_time(slo:events:rate5m[{window}]) > 0)"
        ),
    }


def _month() -> list[Rule]:
    return [
        _ratio(WINDOWS[-1]),
        {
            "record": "slo:error_budget_remaining:ratio",
            "expr": f"1 - slo:error_ratio:rate{WINDOWS[-1]} / slo:error_budget:ratio",
        },
    ]


def _burning(kind: str, factor: float, *windows: str) -> str:
    """Every one of `windows` burns its budget `factor` times too fast, and not for a handful of events."""
    allowed = f"{factor:g} * slo:error_budget:ratio"
    burning = [f"slo:error_ratio:rate{window}{{{kind}}} > {allowed}" for window in windows]
    lost = (
        f"{INTERVAL_SECONDS} * sum_over_time(slo:errors:rate5m{{{kind}}}[{windows[0]}]) > {LEAST_BAD_EVENTS}"
    )
    return "(\n  " + "\n  and\n  ".join([*burning, lost]) + "\n)"


def _alerts() -> list[Rule]:
    rules = []
    for subject, kind, what, korean in (
        ("Error", 'kind="availability"', "fails too often", "가용성"),
        ("Latency", 'kind=~"latency|detection"', "is too slow", "지연 시간"),
    ):
        # The page ends five minutes after its cause, so that the cause's own alert explains all of it.
        fast = _burning(kind, 14.4, "1h", "5m") + "\nor\n" + _burning(kind, 6, "6h", "30m", "5m")
        slow = _burning(kind, 3, "1d", "2h") + "\nor\n" + _burning(kind, 1, "3d", "6h")
        rules.append(_alert(f"VFactory{subject}BudgetBurnFast", fast, "critical", what, korean))
        rules.append(_alert(f"VFactory{subject}BudgetBurnSlow", slow, "warning", what, korean))
    return rules


def _alert(name: str, expression: str, severity: str, what: str, korean: str) -> Rule:
    pace = "fast" if severity == "critical" else "slowly"
    pace_ko = "빠르게" if severity == "critical" else "서서히"
    return {
        "alert": name,
        "expr": expression,
        "for": "2m" if severity == "critical" else "15m",
        "keep_firing_for": "30s" if severity == "critical" else "5m",
        "labels": {"severity": severity, "service": "{{ $labels.service }}"},
        "annotations": {
            "summary": f"{{{{ $labels.service }}}} {what}: its error budget burns {pace}",
            "description": (
                "{{ $value | humanizePercentage }} of the events of {{ $labels.slo }} were bad over the long "
                "window; kept up, the budget of 30 days will not last."
            ),
            "summary_ko": f"{{{{ $labels.service }}}}의 {korean} 오류 예산이 {pace_ko} 소진되고 있습니다",
            "runbook_url": f"{{{{ $externalLabels.runbooks_url }}}}/{name}.md",
            "dashboard_url": (
                "{{ $externalLabels.dashboards_url }}/d/vfactory-slo?var-service={{ $labels.service }}"
            ),
        },
    }
