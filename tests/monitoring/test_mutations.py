"""Whatever is broken in rules, queries, labels, links, routes, runbooks: `make check` names it."""

from collections.abc import Sequence

import pytest
from monitoring.__main__ import CHECKS, Check
from monitoring.checks import alertmanager, dashboards, programs, rules, runbooks, style
from monitoring.checks.finding import UnreadableError

from monitoring import generated
from monitoring.logs import checks as log_pipelines
from support.monitoring.broken.dashboards import IN_BOARDS, IN_PANELS
from support.monitoring.broken.pages import IN_GENERATED, IN_PAGES, IN_STYLE
from support.monitoring.broken.places import BOARDS, EVENTS, OVERVIEW, ROUTES, RULES
from support.monitoring.broken.routes import IN_ROUTES, IN_TIMES
from support.monitoring.broken.rules import IN_RULES
from support.monitoring.tree import Mutation, Tree, swap

ALLOY = "monitoring/logs/loki/kubernetes.alloy"
BROKEN: Sequence[tuple[Check, Mutation]] = [
    *((rules.check, one) for one in IN_RULES),
    *((dashboards.check, one) for one in (*IN_PANELS, *IN_BOARDS)),
    *((alertmanager.check, one) for one in (*IN_ROUTES, *IN_TIMES)),
    *((runbooks.check, one) for one in IN_PAGES),
    *((style.check, one) for one in IN_STYLE),
    *((generated.check, one) for one in IN_GENERATED),
    (
        log_pipelines.check,
        Mutation(ALLOY, swap('target_label  = "pod"', 'target_label  = "name"'), "labels", "are ["),
    ),
]


@pytest.mark.parametrize(
    ("check", "mutation"), BROKEN, ids=lambda one: str(one) if isinstance(one, Mutation) else ""
)
def test_what_is_broken_is_named_with_its_file(tree: Tree, check: Check, mutation: Mutation) -> None:
    with tree.changed(mutation.changed, mutation.change):
        found = [
            one for one in check(tree.root) if (one.file, one.subject) == (mutation.file, mutation.subject)
        ]
    assert mutation.said in "\n".join(one.message for one in found)


@pytest.mark.parametrize(
    ("check", "mutation"),
    [
        (rules.check, Mutation(EVENTS, swap("groups:", "groups: ["), "file", "while parsing")),
        (rules.check, Mutation(EVENTS, swap("groups:", "group:"), "file", "'groups'")),
        (rules.check, Mutation(EVENTS, swap("        expr: |-", "        query: |-"), "file", "'expr'")),
        (alertmanager.check, Mutation(ROUTES, swap("route:", "route: ["), "file", "while parsing")),
        (dashboards.check, Mutation(BOARDS, swap("{", "{{"), "file", "Expecting property name", by=OVERVIEW)),
    ],
    ids=lambda one: str(one) if isinstance(one, Mutation) else "",
)
def test_a_file_that_cannot_be_read_is_named(tree: Tree, check: Check, mutation: Mutation) -> None:
    with tree.changed(mutation.changed, mutation.change), pytest.raises(UnreadableError) as raised:
        check(tree.root)
    found = raised.value.finding
    assert (found.file, found.subject) == (mutation.file, mutation.subject)
    assert mutation.said in found.message


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if check is not programs.check])
def test_nothing_is_found_where_nothing_is_broken(tree: Tree, name: str) -> None:
    assert [str(finding) for finding in CHECKS[name](tree.root)] == []


def test_every_check_is_tried() -> None:
    assert {check for check, _ in BROKEN} | {programs.check} == set(CHECKS.values())


IN_PROGRAMS = (
    Mutation(
        f"{RULES}/ingest.yml", swap("sum by (job) (rate(", "summ by (job) (rate("), "promtool", "parse error"
    ),
    Mutation(
        "monitoring/prometheus/prometheus.yml",
        swap("scrape_timeout: 10s", "scrape_timeout: 10m"),
        "promtool 3",
        "greater than scrape interval",
    ),
    Mutation(
        "monitoring/prometheus/tests/ingest_test.yml",
        swap("> 0.05", "> 0.9"),
        "promtool",
        "VFactoryReadingsRejected",
        by=f"{RULES}/ingest.yml",
    ),
    Mutation(ROUTES, swap("receiver: slack-platform", "receiver: slack-nobody"), "amtool", "slack-nobody"),
)


@pytest.fixture(scope="module")
def small_tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree with one file of alerts and its tests."""
    tree = Tree(tmp_path_factory.mktemp("small tree"))
    folder = tree.root / "monitoring/prometheus"
    for path in (*folder.glob("rules/*.yml"), *folder.glob("tests/*.yml")):
        if path.stem not in {"recording", "ingest", "ingest_test"}:
            path.unlink()
    return tree


@pytest.mark.parametrize("mutation", IN_PROGRAMS, ids=str)
def test_what_the_programs_refuse_is_named_with_its_file(small_tree: Tree, mutation: Mutation) -> None:
    with small_tree.changed(mutation.changed, mutation.change):
        found = [
            one
            for one in programs.check(small_tree.root)
            if (one.file, one.subject) == (mutation.file, mutation.subject)
        ]
    assert mutation.said in "\n".join(one.message for one in found)


def test_the_programs_find_nothing_where_nothing_is_broken(small_tree: Tree) -> None:
    assert programs.check(small_tree.root) == []
