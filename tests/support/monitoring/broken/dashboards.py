"""Broken panels and dashboards."""

from support.monitoring.broken.places import EVENTS, FACTORY, LOGS, OVERVIEW, SERVICES
from support.monitoring.tree import Mutation, drop, in_board, in_panel, put, swap

ON, OFF = True, False
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
    Mutation(
        EVENTS,
        in_panel("Since the consumer got on", drop("links", 0)),
        "VFactoryConsumerStalled",
        "is shown by no panel of vfactory-factory",
        by=FACTORY,
    ),
    Mutation(
        SERVICES,
        swap("?var-service=", "?var-job="),
        "VFactoryTargetDown",
        "fills $job, which vfactory-overview does not have",
    ),
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
