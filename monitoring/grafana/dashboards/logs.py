"""Logs, from Loki: how much was said, what, and how to find one request."""

from monitoring.grafana.board import NEEDS_LOKI, Board, Panel, Query, Row

STREAM = '{namespace="v-factory", service=~"$service"} |= `$search`'


def lines(title: str, description: str, condition: str, height: int) -> Panel:
    """The lines for which a condition on their fields holds, the newest first."""
    return Panel(
        title,
        description,
        "string",
        (Query(f"{STREAM} | json{condition}"),),
        kind="logs",
        source="loki",
        width=24,
        height=height,
        empty=NEEDS_LOKI,
    )


def count(title: str, description: str, by: str) -> Panel:
    """How many lines there were, by one of their fields or labels."""
    counted = f'sum by ({by}) (count_over_time({STREAM} | json | __error__ = "" [$__interval]))'
    return Panel(
        title,
        description,
        "short",
        (Query(counted, f"{{{{{by}}}}}"),),
        source="loki",
        width=12,
        stacked=True,
        empty=NEEDS_LOKI,
    )


BOARD = Board(
    uid="vfactory-logs",
    title="V-Factory / Logs",
    description="JSON lines of the services: by level, errors first, and by request or trace.",
    rows=(
        Row(
            "How much",
            (
                count("Lines by level", "A rise of WARNING or ERROR is the first sign of trouble.", "level"),
                count(
                    "Lines by service",
                    "One that suddenly says much more than the others has a reason.",
                    "service",
                ),
            ),
        ),
        Row(
            "Errors",
            (
                lines(
                    "Errors and worse",
                    "Lines of level ERROR and CRITICAL. Each has a traceback or says what to do.",
                    ' | level =~ "ERROR|CRITICAL"',
                    9,
                ),
                lines(
                    "Warnings",
                    "Lines of level WARNING: dependencies that come and go, clients cut, settings ignored.",
                    ' | level = "WARNING"',
                    8,
                ),
            ),
        ),
        Row(
            "Everything",
            (
                lines(
                    "All lines",
                    "Put a `request_id` or `trace_id` into *Lines with* to follow one request through every service.",
                    "",
                    14,
                ),
            ),
        ),
    ),
)
