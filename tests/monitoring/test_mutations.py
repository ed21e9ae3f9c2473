"""Whatever is broken in rules, queries, labels, links, routes, runbooks: `make check` names it."""

from collections.abc import Sequence

import pytest
from monitoring.__main__ import CHECKS, Check
from monitoring.checks import alertmanager, dashboards, programs, rules, runbooks, style
from monitoring.checks.finding import UnreadableError

from monitoring import generated
from monitoring_tree import (
    Change,
    Mutation,
    Tree,
    drop,
    in_board,
    in_panel,
    put,
    swap,
    without_lines,
    write,
)

RULES = "monitoring/prometheus/rules"
EVENTS, SERVICES, RECORDING = (f"{RULES}/{name}.yml" for name in ("events", "services", "recording"))
TESTS = "monitoring/prometheus/tests/events_test.yml"
BOARDS = "monitoring/grafana/generated"
OVERVIEW, FACTORY, LOGS = (f"{BOARDS}/vfactory-{name}.json" for name in ("overview", "factory", "logs"))
ROUTES = "monitoring/alertmanager/alertmanager.yml"
PAGES = "docs/runbooks"
ON, OFF = True, False
LAG = "max by (job, publisher) (vfactory_consumer_lag_events) > 1000"
COPY = """
groups:
  - name: twice
    rules:
      - record: job:http_requests:rate5m
        expr: vector(1)
"""

IN_RULES = (
    Mutation(EVENTS, swap(LAG, f"({LAG}"), "VFactoryConsumerLagHigh", "is no PromQL"),
    Mutation(
        EVENTS, swap(f"{LAG}", LAG.replace(" > 1000", "")), "VFactoryConsumerLagHigh", "compares with nothing"
    ),
    Mutation(
        EVENTS, swap("late_total[5m]", "late_total[30s]"), "VFactoryReadingsLate", "fewer than 4 scrapes"
    ),
    Mutation(
        EVENTS,
        swap('{reason="slow"}', '{reason=~"slow"}'),
        "VFactoryStreamClientsCut",
        "no regular expression",
    ),
    Mutation(
        EVENTS, swap('{reason="slow"}', '{reason=~".*"}'), "VFactoryStreamClientsCut", "matches everything"
    ),
    Mutation(
        SERVICES,
        swap(
            '"v-factory-incident-event-worker"})\n        for: 1m',
            '"v-factory-incident-event-worker"})\n        for: 15s',
        ),
        "VFactoryTargetAbsent",
        "absent() without a `for` of two scrapes",
    ),
    Mutation(EVENTS, swap(LAG, f"topk(3, {LAG})"), "VFactoryConsumerLagHigh", "topk or bottomk"),
    Mutation(
        EVENTS,
        swap("severity: warning", "severity: urgent"),
        "VFactoryConsumerLagHigh",
        "severity must be one of",
    ),
    Mutation(
        EVENTS,
        swap("service: incident-event", "team: events"),
        "VFactoryConsumerAbsent",
        "has no label service",
    ),
    Mutation(
        EVENTS,
        swap("service: incident-event", "service: incident-event\n          lag: '{{ $value }}'"),
        "VFactoryConsumerAbsent",
        "the label lag holds the value",
    ),
    Mutation(
        EVENTS,
        swap(
            "Nobody consumes the events of {{ $labels.publisher }}", "Nobody consumes: {{ $labels.instance }}"
        ),
        "VFactoryConsumerAbsent",
        "$labels.instance is used, but does not survive",
    ),
    Mutation(
        EVENTS,
        swap("          summary: 'Nobody", "          title: 'Nobody"),
        "VFactoryConsumerAbsent",
        "no annotation summary",
    ),
    Mutation(
        EVENTS,
        swap(
            "summary_ko: '{{ $labels.publisher }} 이벤트를 처리하는 프로세스가 없습니다'",
            "summary_ko: 'nobody'",
        ),
        "VFactoryConsumerAbsent",
        "summary_ko is not Korean",
    ),
    Mutation(
        EVENTS,
        swap("alert: VFactoryConsumerAbsent", "alert: ConsumerAbsent"),
        "ConsumerAbsent",
        "is named VFactory",
    ),
    Mutation(
        RECORDING,
        swap("job:http_errors:rate2m", "http_errors_rate2m"),
        "http_errors_rate2m",
        "level:metric:operations",
    ),
    Mutation(
        EVENTS,
        swap("/VFactoryConsumerAbsent.md", "/VFactoryConsumerStalled.md"),
        "VFactoryConsumerAbsent",
        "not to its own page",
    ),
    Mutation(
        EVENTS,
        swap("/d/vfactory-factory", "/d/vfactory-plant"),
        "VFactoryConsumerStalled",
        "which is no dashboard",
    ),
    Mutation(f"{RULES}/twice.yml", write(COPY), "job:http_requests:rate5m", "is there twice"),
    Mutation(
        EVENTS,
        lambda text: text.replace("VFactoryConsumerLagHigh\n", "VFactoryConsumerLag\n"),
        "VFactoryConsumerLagHigh",
        "has no test in which it fires",
        by=TESTS,
    ),
    Mutation(
        EVENTS,
        lambda text: text.replace("VFactoryConsumerLagHigh\n", "VFactoryConsumerLag\n"),
        "VFactoryConsumerLagHigh",
        "has no test in which it is silent",
        by=TESTS,
    ),
)

OPEN = "Open incidents by severity"
IN_PANELS = (
    Mutation(FACTORY, in_panel(OPEN, put(" ", "title")), " ", "has no title"),
    Mutation(FACTORY, in_panel(OPEN, drop("description")), OPEN, "has no description"),
    Mutation(FACTORY, in_panel(OPEN, drop("fieldConfig", "defaults", "unit")), OPEN, "has no unit"),
    Mutation(FACTORY, in_panel(OPEN, put([], "targets")), OPEN, "asks nothing"),
    Mutation(
        FACTORY, in_panel(OPEN, put("prometheus", "datasource", "uid")), OPEN, "asks a fixed datasource"
    ),
    Mutation(FACTORY, in_panel(OPEN, put([], "links")), OPEN, "has no link to go on from"),
    Mutation(
        FACTORY, in_panel(OPEN, put("", "links", 0, "url")), OPEN, "a link without a title or an address"
    ),
    Mutation(FACTORY, in_panel(OPEN, put(OFF, "options", "legend", "showLegend")), OPEN, "shows no legend"),
    Mutation(
        FACTORY, in_panel(OPEN, put("", "targets", 0, "legendFormat")), OPEN, "does not say how the series"
    ),
    Mutation(
        FACTORY,
        in_panel(OPEN, put("{{service}}", "targets", 0, "legendFormat")),
        OPEN,
        "its legend names service",
    ),
    Mutation(
        FACTORY, in_panel(OPEN, put("max by (severity (x)", "targets", 0, "expr")), OPEN, "is no PromQL"
    ),
    Mutation(
        FACTORY,
        in_panel(OPEN, put('x{job=~"$plant"}', "targets", 0, "expr")),
        OPEN,
        "there is no variable $plant",
    ),
    Mutation(
        FACTORY,
        in_panel(OPEN, put('x{job=~"a"}', "targets", 0, "expr")),
        OPEN,
        'job=~"a" is no regular expression',
    ),
    Mutation(
        FACTORY,
        swap("rate(vfactory_asset_uploads_total[$__rate_interval])", "vfactory_asset_uploads_total"),
        "Uploads",
        "shows the counter",
    ),
    Mutation(
        FACTORY,
        swap(
            "max by (job) (vfactory_outbox_pending)",
            "max by (job) (rate(vfactory_outbox_pending[$__rate_interval]))",
        ),
        "Outbox",
        "takes the rate of vfactory_outbox_pending, which is no counter",
    ),
    Mutation(
        FACTORY,
        swap("uploads_total[$__rate_interval]", "uploads_total[5m]"),
        "Uploads",
        "rate over 5m: take $__rate_interval",
    ),
    Mutation(
        LOGS,
        swap('namespace=\\"v-factory\\"', 'level=\\"ERROR\\"'),
        "Lines by level",
        "selects streams by level",
    ),
    Mutation(
        LOGS,
        swap('namespace=\\"v-factory\\"', 'namespace=~\\"v-.+\\"'),
        "Lines by level",
        "selects by no exact label",
    ),
    Mutation(
        LOGS,
        swap(' | json | level = \\"WARNING\\"', ' | level = \\"WARNING\\"'),
        "Warnings",
        "before `| json` has read",
    ),
    Mutation(
        LOGS,
        swap('| level = \\"WARNING\\"', '| severity = \\"WARNING\\"'),
        "Warnings",
        "filters by severity, which no line has",
    ),
    Mutation(
        LOGS,
        swap('service=~\\"$service\\"} |= `$search` | json"', 'service=~\\"$service\\" |= `$search` | json"'),
        "All lines",
        "without its other half",
    ),
)

IN_BOARDS = (
    Mutation(OVERVIEW, in_board(put(ON, "editable")), "dashboard", "can be edited"),
    Mutation(OVERVIEW, in_board(put("overview", "uid")), "dashboard", "its uid is overview"),
    Mutation(OVERVIEW, in_board(put("", "refresh")), "dashboard", "does not refresh itself"),
    Mutation(OVERVIEW, in_board(put("utc", "timezone")), "dashboard", "another time zone"),
    Mutation(OVERVIEW, in_board(put([], "tags")), "dashboard", "lacks the tag v-factory"),
    Mutation(OVERVIEW, in_board(put([], "links")), "dashboard", "no links to the other dashboards"),
    Mutation(
        OVERVIEW, in_board(drop("annotations", "list", 1)), "dashboard", "marks no deployments and incidents"
    ),
    Mutation(
        OVERVIEW,
        in_board(put("prometheus", "annotations", "list", 0, "datasource", "uid")),
        "dashboard",
        "the annotation Starts and deployments asks a fixed datasource",
    ),
    Mutation(
        OVERVIEW,
        in_board(put("svc", "templating", "list", 1, "name")),
        "dashboard",
        "has no variable service",
    ),
    Mutation(OVERVIEW, in_board(drop("templating", "list", 2)), "dashboard", "has no variable instance"),
    Mutation(
        OVERVIEW, in_board(put(1, "templating", "list", 1, "refresh")), "$service", "is not loaded anew"
    ),
    Mutation(
        OVERVIEW, in_board(put(OFF, "templating", "list", 1, "multi")), "$service", "cannot choose several"
    ),
    Mutation(
        OVERVIEW,
        in_board(put("p", "templating", "list", 1, "datasource", "uid")),
        "$service",
        "a fixed datasource",
    ),
    Mutation(OVERVIEW, swap('"name": "runbooks"', '"name": "pages"'), "$pages", "is used by no panel"),
    Mutation(
        OVERVIEW,
        in_panel("Requests by service", put(20, "gridPos", "x")),
        "Requests by service",
        "24 columns",
    ),
    Mutation(
        OVERVIEW, in_panel("Requests by service", put(6, "gridPos", "x")), "Requests by service", "lies over"
    ),
    Mutation(OVERVIEW, in_panel("Requests by service", put(1, "id")), "Requests by service", "shares its id"),
    Mutation(
        OVERVIEW,
        swap("/VFactoryTargetDown.md", "/VFactoryTargetGone.md"),
        "Processes down",
        "runbook VFactoryTargetGone",
    ),
    Mutation(
        OVERVIEW, swap("/d/vfactory-logs", "/d/vfactory-lines"), "Processes down", "dashboard vfactory-lines"
    ),
)

WEBHOOK = "http://incident-event-service:8000"
IN_ROUTES = (
    Mutation(
        ROUTES,
        swap("DiskFilling|InodesLow", "DiskFills|InodesLow"),
        "inhibition 10",
        "VFactoryDiskFills is no alert",
    ),
    Mutation(
        ROUTES,
        swap(
            'target_matchers: [alertname =~ "VFactoryRedis(',
            'target_matchers: [service =~ "redis", job =~ "VFactoryRedis(',
        ),
        "inhibition 8",
        "target_matchers names no alert",
    ),
    Mutation(
        ROUTES,
        swap('(Stalled|Failing)"]\n    equal: [service]', '(Stalled|Failing)"]\n    equal: [instance]'),
        "inhibition 22",
        "asks for an equal instance, which VFactoryConsumerAbsent does not have",
    ),
    Mutation(
        ROUTES,
        swap('"VFactoryWatchdog"', '"VFactoryWatch"'),
        "route to watchdog",
        "VFactoryWatch is no alert",
    ),
    Mutation(
        ROUTES,
        swap('matchers: [severity = "warning"]', 'matchers: [severity =~ "warning|critical"]'),
        "route to slack-services",
        "can be muted although critical alerts may pass it",
    ),
    Mutation(
        ROUTES,
        lambda text: text.replace('[severity = "warning"', '[severity = "warn"'),
        "VFactoryConsumerLagHigh",
        "no route takes its severity warning",
    ),
    Mutation(
        ROUTES,
        swap("receivers:\n  - name: nobody", "receivers:\n  - name: someone\n  - name: nobody"),
        "someone",
        "no route leads to",
    ),
    Mutation(ROUTES, without_lines("max_alerts"), "incident-event", "without max_alerts"),
    Mutation(
        ROUTES,
        swap("routing_key_file: /etc/alertmanager/secrets/pagerduty_routing_key", "routing_key: abc"),
        "secrets",
        "routing_key holds a secret",
    ),
    Mutation(
        ROUTES,
        swap("/etc/alertmanager/secrets/slack_url", "/srv/slack_url"),
        "secrets",
        "api_url_file names a file that is not below",
    ),
    Mutation(
        ROUTES,
        swap(WEBHOOK, "http://user:password@incident-event-service:8000"),
        "secrets",
        "url holds an address that is a secret",
    ),
)

DEPENDENCIES = f"{RULES}/dependencies.yml"
DOWN = "for: 15s\n        keep_firing_for: 6m"
ABSENT = "alert: VFactoryConsumerAbsent"


def absent(old: str, new: str) -> Change:
    """Change the alert VFactoryConsumerAbsent."""

    def change(text: str) -> str:
        before, name, after = text.partition(ABSENT)
        return before + name + swap(old, new)(after)

    return change


IN_TIMES = (
    Mutation(
        ROUTES,
        swap(DOWN, DOWN.replace("6m", "2m")),
        "VFactoryDatabaseDown",
        "keep_firing_for must be longer",
        by=DEPENDENCIES,
    ),
    Mutation(
        ROUTES,
        absent("keep_firing_for: 2m", "keep_firing_for: 8m"),
        "VFactoryConsumerAbsent",
        "may last",
        by=EVENTS,
    ),
    Mutation(ROUTES, absent("for: 1m", "for: 0s"), "VFactoryConsumerAbsent", "may be told after", by=EVENTS),
)

PAGE = f"{PAGES}/VFactoryCpuHigh.md"
IN_PAGES = (
    Mutation(PAGE, write(""), "VFactoryCpuHigh", "this alert has no runbook"),
    Mutation(
        f"{PAGES}/VFactoryCpuLow.md", write("# VFactoryCpuLow"), "VFactoryCpuLow", "there is no such alert"
    ),
    Mutation(PAGE, swap("# VFactoryCpuHigh", "# CPU"), "VFactoryCpuHigh", "begins with its name"),
    Mutation(
        PAGE,
        lambda text: text[:19] + "CPU.\n" + text[text.index("## ") :],
        "VFactoryCpuHigh",
        "a summary in Korean",
    ),
    Mutation(PAGE, swap("## Mitigation", "## Cure"), "VFactoryCpuHigh", "has a section ## Mitigation"),
    Mutation(PAGE, lambda text: text.replace("```sh", "```"), "VFactoryCpuHigh", "has commands to look with"),
    Mutation(
        PAGE,
        lambda text: text + "[there](../nowhere.md)\n",
        "VFactoryCpuHigh",
        "links to ../nowhere.md, which exists",
    ),
)

IN_STYLE = (
    Mutation(
        EVENTS,
        swap("        for: 15s\n", "        for: 15s\n        for: 20s\n"),
        "line 13",
        "duplication of key",
    ),
    Mutation(ROUTES, swap("global:\n", "global: \n"), "line 14", "trailing spaces"),
)

SLO = "monitoring/slo.yml"
IN_GENERATED = (
    Mutation(f"{RULES}/slo.yml", swap("14.4", "14.5"), "generated", "is out of date: run `make monitoring`"),
    Mutation(
        f"{RULES}/slo.yml", swap("objective: 99.9", "objective: 99.8"), "generated", "is out of date", by=SLO
    ),
    Mutation(OVERVIEW, in_board(put("Overview", "title")), "generated", "is out of date"),
    Mutation(OVERVIEW, write(""), "generated", "is out of date"),
)

BROKEN: Sequence[tuple[Check, Mutation]] = [
    *((rules.check, one) for one in IN_RULES),
    *((dashboards.check, one) for one in (*IN_PANELS, *IN_BOARDS)),
    *((alertmanager.check, one) for one in (*IN_ROUTES, *IN_TIMES)),
    *((runbooks.check, one) for one in IN_PAGES),
    *((style.check, one) for one in IN_STYLE),
    *((generated.check, one) for one in IN_GENERATED),
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
