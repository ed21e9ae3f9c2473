"""Endpoint analysis: which path is asked how often, how slow, how often in vain."""

from monitoring.grafana.board import NOTHING_WENT_WRONG, REQUESTS, Board, Panel, Row, query

BY_PATH = "sum by (method, path)"
COUNT = f"http_request_duration_seconds_count{{{REQUESTS}}}"

BOARD = Board(
    uid="vfactory-endpoints",
    title="V-Factory / Endpoint analysis",
    description="Every endpoint by its route template: rate, duration, errors, sizes (엔드포인트별 성능 분석).",
    rows=(
        Row(
            "Traffic",
            (
                Panel(
                    "Requests by endpoint",
                    "Requests per second by method and route template. `unmatched` is what has no route.",
                    "reqps",
                    query(
                        f"{BY_PATH} (rate(http_requests_total{{{REQUESTS}}}[$__rate_interval]))",
                        "{{method}} {{path}}",
                    ),
                    width=12,
                    height=9,
                    stacked=True,
                ),
                Panel(
                    "Time spent by endpoint",
                    "Seconds of work per second: what the time goes to. Streams count until their first byte.",
                    "short",
                    query(
                        f"{BY_PATH} (rate(http_request_duration_seconds_sum{{{REQUESTS}}}[$__rate_interval]))",
                        "{{method}} {{path}}",
                    ),
                    width=12,
                    height=9,
                    stacked=True,
                ),
            ),
        ),
        Row(
            "Duration",
            (
                Panel(
                    "p99 by endpoint",
                    "99 % of the answers came within this time. 2.5 s for long is a warning.",
                    "s",
                    query(
                        "histogram_quantile(0.99, sum by (method, path, le) "
                        f"(rate(http_request_duration_seconds_bucket{{{REQUESTS}}}[$__rate_interval])))",
                        "{{method}} {{path}}",
                    ),
                    width=12,
                    height=9,
                    thresholds=((2.5, "orange"),),
                    runbooks=("VFactoryEndpointLatencyHigh",),
                ),
                Panel(
                    "Mean by endpoint",
                    "Mean seconds to the answer.",
                    "s",
                    query(
                        f"{BY_PATH} (rate(http_request_duration_seconds_sum{{{REQUESTS}}}[$__rate_interval]))"
                        f" / {BY_PATH} (rate({COUNT}[$__rate_interval]))",
                        "{{method}} {{path}}",
                    ),
                    width=12,
                    height=9,
                ),
            ),
        ),
        Row(
            "Errors",
            (
                Panel(
                    "Server errors by endpoint",
                    "Answers per second with 5xx: one endpoint alone is that feature, all are a dependency.",
                    "reqps",
                    query(
                        "sum by (method, path, status_code) "
                        f'(rate(http_requests_total{{{REQUESTS}, status_code=~"5.."}}[$__rate_interval]))',
                        "{{status_code}} {{method}} {{path}}",
                    ),
                    width=12,
                    height=8,
                    runbooks=("VFactoryEndpointErrorRateHigh",),
                    empty=NOTHING_WENT_WRONG,
                ),
                Panel(
                    "Refused requests by endpoint",
                    "Answers per second with 4xx: 401 and 403 are tokens, 422 is a body, 404 an address.",
                    "reqps",
                    query(
                        "sum by (method, path, status_code) "
                        f'(rate(http_requests_total{{{REQUESTS}, status_code=~"4.."}}[$__rate_interval]))',
                        "{{status_code}} {{method}} {{path}}",
                    ),
                    width=12,
                    height=8,
                    runbooks=("VFactoryClientErrorRateHigh",),
                    empty=NOTHING_WENT_WRONG,
                ),
            ),
        ),
        Row(
            "Sizes",
            (
                Panel(
                    "Mean request body",
                    "Bytes of request bodies really received, mean by endpoint.",
                    "bytes",
                    query(
                        f"{BY_PATH} (rate(http_request_size_bytes_sum{{{REQUESTS}}}[$__rate_interval]))"
                        f" / {BY_PATH} (rate(http_request_size_bytes_count{{{REQUESTS}}}[$__rate_interval]))",
                        "{{method}} {{path}}",
                    ),
                    width=12,
                ),
                Panel(
                    "Mean response body",
                    "Bytes of response bodies really sent, mean by endpoint.",
                    "bytes",
                    query(
                        f"{BY_PATH} (rate(http_response_size_bytes_sum{{{REQUESTS}}}[$__rate_interval]))"
                        f" / {BY_PATH} (rate(http_response_size_bytes_count{{{REQUESTS}}}[$__rate_interval]))",
                        "{{method}} {{path}}",
                    ),
                    width=12,
                ),
                Panel(
                    "All endpoints",
                    "Requests per second of each endpoint now, to sort and to filter.",
                    "reqps",
                    query(
                        f"sum by (job, method, path, status_code) (rate(http_requests_total{{{REQUESTS}}}[5m])) > 0"
                    ),
                    kind="table",
                    width=24,
                    height=9,
                ),
            ),
        ),
    ),
)
