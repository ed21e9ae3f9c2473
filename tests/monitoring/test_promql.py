"""Walking PromQL: what is read, whether it compares, and which labels are left."""

from datetime import timedelta
from typing import Any

import pytest
from monitoring.checks import promql

SERIES = {"a": {"job", "path", "le"}, "b": {"job", "instance"}, "c": {"pod"}}


def known(selector: Any) -> set[str] | None:
    return SERIES.get(promql.metric(selector))


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        ("a", {"job", "path", "le"}),
        ("rate(a[5m])", {"job", "path", "le"}),
        ("a offset 1h", {"job", "path", "le"}),
        ("max_over_time(a[1h:1m])", {"job", "path", "le"}),
        ("-(a)", {"job", "path", "le"}),
        ("unknown", None),
        ("sum(a)", set()),
        ("sum by (job, nothing) (a)", {"job", "nothing"}),
        ("sum without (le) (a)", {"job", "path"}),
        ("sum without (le) (unknown)", None),
        ("topk(3, a)", {"job", "path", "le"}),
        ("topk(3, sum by (job) (a))", {"job"}),
        ("histogram_quantile(0.5, sum by (job, le) (rate(a[5m])))", {"job"}),
        ('label_replace(c, "job", "$1", "pod", "(.+)")', {"pod", "job"}),
        ('label_replace(unknown, "job", "$1", "pod", "(.+)")', None),
        ('absent(a{job="x", path=~"/.+"})', {"job"}),
        ("vector(1)", set()),
        ("time() - a", {"job", "path", "le"}),
        ("a > 1", {"job", "path", "le"}),
        ("1 - a", {"job", "path", "le"}),
        ("a and b", {"job", "path", "le"}),
        ("a unless on (job) b", {"job", "path", "le"}),
        ("sum by (job) (a) or sum by (pod) (c)", {"job", "pod"}),
        ("unknown or a", None),
        ("a / on (job) b", {"job"}),
        ("a / ignoring (le, path) b", {"job"}),
        ("unknown / ignoring (le) b", {"job", "instance"}),
        ("a / on (job) group_left (instance) b", {"job", "path", "le", "instance"}),
        ("b / on (job) group_right a", {"job", "path", "le"}),
        ("2 * 3", set()),
    ],
)
def test_labels_that_are_left(expression: str, left: set[str] | None) -> None:
    assert promql.labels_left(promql.parse(expression), known) == left


def test_without_knowing_the_series_only_what_an_expression_says_itself_is_known() -> None:
    assert promql.labels_left(promql.parse("rate(a[5m])")) is None
    assert promql.labels_left(promql.parse("sum by (job) (rate(a[5m]))")) == {"job"}


@pytest.mark.parametrize(
    ("expression", "decides"),
    [
        ("a > 1", True),
        ("absent(a)", True),
        ("absent_over_time(a[5m])", True),
        ("sum(a == 0)", True),
        ("a", False),
        ("a and b", False),
        ("a / b", False),
    ],
)
def test_an_alert_decides_by_comparing_or_by_absence(expression: str, *, decides: bool) -> None:
    assert promql.compares(promql.parse(expression)) is decides


def test_everything_that_is_read_is_found_wherever_it_stands() -> None:
    tree = promql.parse('sum by (x) (rate(a{l="1"}[5m])) / on (x) max_over_time(b[1h:1m]) > scalar(c)')
    assert [promql.metric(selector) for selector in promql.selectors(tree)] == ["a", "b", "c"]
    assert promql.matched_labels(promql.selectors(tree)[0]) == {"l": ("=", "1")}
    assert promql.windows(tree) == [("rate", timedelta(minutes=5))]
    assert [str(node.op) for node in promql.aggregations(tree)] == ["sum"]


@pytest.mark.parametrize(
    ("matcher", "idle"),
    [
        ('l=~"abc"', True),
        ('l!~"abc"', True),
        ('l=~".*"', True),
        ('l=~"a|b"', False),
        ('l=~"a.+"', False),
        ('l=~"a.c"', False),
        ('l="abc"', False),
    ],
)
def test_regular_expressions_that_are_none(matcher: str, *, idle: bool) -> None:
    assert bool(promql.idle_regexps(promql.parse(f"a{{{matcher}}}"))) is idle


@pytest.mark.parametrize("text", ["sum(", "a{", "rate(a)", "a +", ""])
def test_what_is_no_promql_is_refused(text: str) -> None:
    with pytest.raises(promql.QueryError):
        promql.parse(text)
