"""Queries that Loki would refuse, or that find nothing, are noticed."""

import pytest
from monitoring.checks import logql
from monitoring.logs.fields import read_specification

from support import ROOT

STREAM = '{namespace="v-factory", service=~"(a|b)"}'


def test_labels_and_fields_are_those_that_the_pipelines_give() -> None:
    specification = read_specification(ROOT)
    assert set(logql.LABELS) == set(specification.labels)
    assert set(logql.FIELDS) <= set(specification.fields)


@pytest.mark.parametrize(
    "query",
    [
        STREAM,
        f"{STREAM} | json",
        f'{STREAM} |= `a {{strange" text` | json | level = "ERROR"',
        f'{STREAM} | json | level =~ "ERROR|CRITICAL" | request_id = `x`',
        f'sum by (level) (count_over_time({STREAM} | json | __error__ = "" [60s]))',
        f'{STREAM} != "}}"',
    ],
)
def test_what_loki_can_answer_is_right(query: str) -> None:
    assert list(logql.problems(query)) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ('{namespace="v-factory"', "without its other half"),
        (f"sum(count_over_time({STREAM} [1m])", "without its other half"),
        (f'{STREAM} |= "open', "without its other half"),
        ('| json | level = "ERROR"', "selects no stream"),
        ('{level="ERROR"}', "selects streams by level"),
        ('{service=~"(a|b)"}', "selects by no exact label"),
        ("{namespace}", "has a selector that is none: namespace"),
        (f'{STREAM} | level = "ERROR"', "filters by level before `| json`"),
        (f'{STREAM} | json | user = "x"', "filters by user, which no line has"),
    ],
)
def test_what_it_could_not_is_named(query: str, said: str) -> None:
    assert said in "\n".join(logql.problems(query))
