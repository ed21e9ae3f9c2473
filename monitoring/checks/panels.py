"""What must hold for every panel of a dashboard."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from monitoring.checks import logql, promql
from monitoring.grafana.generated_boards import DrawnPanel, Target
from monitoring.grafana.variables import UnknownVariableError, intervals, put_in

COUNTING: Final = ("rate", "irate", "increase", "resets")
PER_SECOND: Final = ("rate", "irate")
COUNTER: Final = re.compile(
    r".+_(total|sum|count|bucket)|pg_stat_database_(xact|tup|blks|conflicts|deadlocks|temp).*|node_vmstat_.+"
)
GAUGES: Final = ("pg_stat_activity_count", "pg_locks_count")
"""They are named like counters, and are none."""
SAMPLES: Final[Mapping[str, str]] = intervals(step_seconds=15, scrape_seconds=15, range_seconds=3600)
ANY_VALUE: Final = "(a|b)"
SOURCES: Final[Mapping[str, str]] = {"prometheus": "${datasource}", "loki": "${loki}"}

Problems = Iterator[str]


def panel_problems(panel: DrawnPanel, variables: Sequence[str]) -> Problems:
    """Everything that is wrong with a panel of a dashboard with these `variables`."""
    for problem in (_texts, _source, _links, _legends):
        yield from problem(panel)
    values = {**dict.fromkeys(variables, ANY_VALUE), **SAMPLES}
    for target in panel.targets:
        yield from _query(panel, target, values)


def is_logs(panel: DrawnPanel) -> bool:
    """Whether the panel asks Loki."""
    return bool(panel.document.get("datasource", {}).get("type") == "loki")


def _texts(panel: DrawnPanel) -> Problems:
    if not panel.title.strip():
        yield "has no title"
    if not str(panel.document.get("description", "")).strip():
        yield "has no description"
    if panel.kind != "logs" and not panel.unit:
        yield "has no unit"
    if not panel.targets:
        yield "asks nothing"


def _source(panel: DrawnPanel) -> Problems:
    for owner in (panel.document, *panel.document.get("targets", [])):
        source = owner.get("datasource")
        if source is None and owner is not panel.document:
            continue
        if not source or SOURCES.get(str(source.get("type"))) != source["uid"]:
            yield f"asks a fixed datasource ({source}), not the one that the variable names"


def _links(panel: DrawnPanel) -> Problems:
    if not panel.document.get("links"):
        yield "has no link to go on from"
    for link in panel.document.get("links", []):
        if not link.get("url") or not link.get("title"):
            yield "has a link without a title or an address"


def _legends(panel: DrawnPanel) -> Problems:
    if panel.kind != "timeseries":
        return
    if not panel.document.get("options", {}).get("legend", {}).get("showLegend"):
        yield "shows no legend"
    for target in panel.targets:
        if target.legend in {"", "__auto"}:
            yield f"does not say how the series of {target.expression} are called"


def _query(panel: DrawnPanel, target: Target, values: Mapping[str, str]) -> Problems:
    try:
        query = put_in(target.expression, values)
    except UnknownVariableError as error:
        yield str(error)
        return
    if is_logs(panel):
        yield from (f"its query {problem}" for problem in logql.problems(query))
        return
    try:
        tree = promql.parse(query)
    except promql.QueryError as error:
        yield f"its query is no PromQL: {error}"
        return
    yield from _counters(tree)
    yield from _windows(target)
    yield from _legend_labels(target, tree)
    yield from (f"{regexp} is no regular expression, or matches everything" for regexp in _idle(target))


def _counters(tree: Any) -> Problems:
    inside = {str(node) for node in _counted_selectors(tree)}
    for selector in promql.selectors(tree):
        name = promql.metric(selector)
        if is_counter(name) and str(selector) not in inside:
            yield f"shows the counter {name} itself, not its rate or increase"
    for selector in _counted_selectors(tree):
        name = promql.metric(selector)
        if not is_counter(name):
            yield f"takes the rate of {name}, which is no counter"


def is_counter(metric: str) -> bool:
    """Whether a metric only ever grows; recording rules (with a colon) are gauges."""
    return bool(COUNTER.fullmatch(metric)) and ":" not in metric and metric not in GAUGES


def _counted_selectors(tree: Any) -> list[Any]:
    return [
        argument.vector_selector
        for name in COUNTING
        for call in promql.calls(tree, name)
        for argument in call.args
        if promql.kind(argument) == "MatrixSelector"
    ]


def _windows(target: Target) -> Problems:
    """A fixed window leaves out samples as soon as somebody looks at more than a few hours."""
    if target.instant:
        return
    for function, window in re.findall(
        r"\b(i?rate|increase|changes)\([^\[\]]*\[([^\]]+)\]", target.expression
    ):
        if window != "$__rate_interval":
            yield f"{function} over {window}: take $__rate_interval"


def _legend_labels(target: Target, tree: Any) -> Problems:
    left = promql.labels_left(tree)
    if left is None:
        return
    for label in sorted(set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.legend)) - left):
        yield f"its legend names {label}, which the query does not leave"


def _idle(target: Target) -> list[str]:
    """Regular expressions that are none; those with a variable are."""
    with_pattern = put_in(target.expression, AnyValue(SAMPLES))
    return promql.idle_regexps(promql.parse(with_pattern))


class AnyValue(dict[str, str]):
    """Every variable is a pattern."""

    def __missing__(self, _: str) -> str:
        return ANY_VALUE

    def __contains__(self, _: object) -> bool:
        return True
