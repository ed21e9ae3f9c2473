"""Logs, from Loki: what was said, how often, and how to find one request."""

from monitoring.grafana.board import NEEDS_LOKI, Board, Panel, Query, Row

STREAM = '{namespace="v-factory", service=~"$service"}'

BOARD = Board(
    uid="vfactory-logs",
    title="V-Factory / Logs",
    description="JSON lines of the services: by level, errors first, and by request or trace.",
    uses_loki=True,
    rows=(
        Row(
            "Errors",
            (
                Panel(
                    "Errors and worse",
                    "Lines of level ERROR and CRITICAL. Each has a traceback or says what to do.",
                    "string",
                    (Query(f'{STREAM} | json | level =~ "ERROR|CRITICAL"'),),
                    kind="logs",
                    width=24,
                    height=9,
                    empty=NEEDS_LOKI,
                ),
                Panel(
                    "Warnings",
                    "Lines of level WARNING: dependencies that come and go, clients cut, settings ignored.",
                    "string",
                    (Query(f'{STREAM} | json | level = "WARNING"'),),
                    kind="logs",
                    width=24,
                    height=8,
                    empty=NEEDS_LOKI,
                ),
            ),
        ),
        Row(
            "Everything",
            (
                Panel(
                    "All lines",
                    "Filter by `request_id` or `trace_id` to follow one request through every service.",
                    "string",
                    (Query(f"{STREAM} | json"),),
                    kind="logs",
                    width=24,
                    height=14,
                    empty=NEEDS_LOKI,
                ),
            ),
        ),
    ),
)
