"""Service overview: is everything there, how much is asked, how fast, how often in vain."""

from monitoring.grafana.board import (
    NOTHING_WENT_WRONG,
    REQUESTS,
    SERVICE,
    Board,
    Panel,
    Query,
    Row,
    query,
    stat,
)

ANSWERED_AT_ONCE = f'{SERVICE}, path!~"/health.*|/metrics|/v1/events"'
BUCKETS = f"sum by (le) (rate(http_request_duration_seconds_bucket{{{ANSWERED_AT_ONCE}}}[$__rate_interval]))"


def share(codes: str) -> str:
    """The share of the requests that ended with one of `codes`; 0, not nothing, when none did."""
    every = f"sum by (job) (rate(http_requests_total{{{REQUESTS}}}[$__rate_interval]))"
    bad = f'sum by (job) (rate(http_requests_total{{{REQUESTS}, status_code=~"{codes}"}}[$__rate_interval]))'
    return f"({bad} or 0 * {every}) / {every}"


BOARD = Board(
    uid="vfactory-overview",
    title="V-Factory / Service overview",
    description="Requests, errors and durations of the services; the wall of the control room.",
    rows=(
        Row(
            "Now",
            (
                stat(
                    "Processes down",
                    "Processes of the chosen services that do not answer Prometheus. 0 is well.",
                    "short",
                    f"count(up{{{SERVICE}}} == 0) or vector(0)",
                    (1, "red"),
                    runbooks=("VFactoryTargetDown", "VFactoryReplicaDown", "VFactoryCertificateExpiring"),
                ),
                stat(
                    "Health checks failing",
                    "Processes whose /health does not say 200 and healthy. 0 is well.",
                    "short",
                    'count(probe_success{job="v-factory-health", service=~"$service"} == 0) or vector(0)',
                    (1, "red"),
                    runbooks=("VFactoryHealthCheckFailing",),
                ),
                stat(
                    "Critical alerts",
                    "Critical alerts that fire now. Any is for somebody to act on.",
                    "short",
                    'count(ALERTS{alertstate="firing", severity="critical"}) or vector(0)',
                    (1, "red"),
                ),
                stat(
                    "Warnings",
                    "Warnings that fire now. They are for today.",
                    "short",
                    'count(ALERTS{alertstate="firing", severity="warning"}) or vector(0)',
                    (1, "orange"),
                ),
                stat(
                    "Requests",
                    "Requests per second, without probes and scrapes.",
                    "reqps",
                    f"sum(rate(http_requests_total{{{REQUESTS}}}[5m])) or vector(0)",
                ),
                stat(
                    "Server errors",
                    "Share of requests that ended with 5xx over five minutes. From 1 % on look, from 5 % on somebody is woken.",
                    "percentunit",
                    f'(sum(rate(http_requests_total{{{REQUESTS}, status_code=~"5.."}}[5m])) or vector(0)) '
                    f"/ sum(rate(http_requests_total{{{REQUESTS}}}[5m]))",
                    (0.01, "orange"),
                    (0.05, "red"),
                    runbooks=("VFactoryErrorRateHigh",),
                    empty="there is no traffic",
                ),
            ),
        ),
        Row(
            "Requests (요청 수 추이)",
            (
                Panel(
                    "Requests by service",
                    "HTTP requests per second of every process, without probes and scrapes.",
                    "reqps",
                    query(
                        f"sum by (job) (rate(http_requests_total{{{REQUESTS}}}[$__rate_interval]))", "{{job}}"
                    ),
                    width=12,
                    stacked=True,
                    runbooks=("VFactoryTrafficGone",),
                ),
                Panel(
                    "Requests by status code",
                    "The same by the status they ended with.",
                    "reqps",
                    query(
                        f"sum by (status_code) (rate(http_requests_total{{{REQUESTS}}}[$__rate_interval]))",
                        "{{status_code}}",
                    ),
                    width=12,
                    stacked=True,
                ),
            ),
        ),
        Row(
            "Errors (에러율)",
            (
                Panel(
                    "Server errors (5xx)",
                    "Share of requests that ended with 5xx: ours to mend. 5 % wakes somebody.",
                    "percentunit",
                    query(share("5.."), "{{job}}"),
                    width=12,
                    thresholds=((0.05, "red"),),
                    runbooks=("VFactoryErrorRateHigh",),
                ),
                Panel(
                    "Client errors (4xx)",
                    "Share of requests that were refused: a token, a body or an address is wrong.",
                    "percentunit",
                    query(share("4.."), "{{job}}"),
                    width=12,
                    thresholds=((0.25, "orange"),),
                    runbooks=("VFactoryClientErrorRateHigh",),
                ),
            ),
        ),
        Row(
            "Duration (응답 시간)",
            (
                Panel(
                    "Mean response time (평균 응답 시간)",
                    "Mean seconds to the answer, by process; event streams are left out.",
                    "s",
                    query(
                        f"sum by (job) (rate(http_request_duration_seconds_sum{{{ANSWERED_AT_ONCE}}}[$__rate_interval]))"
                        f" / sum by (job) (rate(http_request_duration_seconds_count{{{ANSWERED_AT_ONCE}}}[$__rate_interval]))",
                        "{{job}}",
                    ),
                    width=12,
                    runbooks=("VFactoryLatencyHigh",),
                ),
                Panel(
                    "Response time, p50, p95 and p99",
                    "Half, 95 % and 99 % of the answers came within this time. A p99 of a second for long is a warning.",
                    "s",
                    tuple(
                        Query(f"histogram_quantile({quantile}, {BUCKETS})", name)
                        for quantile, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
                    ),
                    width=12,
                    thresholds=((1, "orange"),),
                    runbooks=("VFactoryLatencyHigh",),
                ),
            ),
        ),
        Row(
            "Health (헬스체크)",
            (
                Panel(
                    "Health checks",
                    "1 while /health says 200 and healthy, asked from outside every ten seconds.",
                    "short",
                    query(
                        'min by (service, process) (probe_success{job="v-factory-health", service=~"$service"})',
                        "{{service}} {{process}}",
                    ),
                    width=12,
                    highest=1,
                    runbooks=("VFactoryHealthCheckFlapping",),
                ),
                Panel(
                    "Duration of health checks",
                    "Seconds until /health has answered; it stays below 0.8 s under every fault.",
                    "s",
                    query(
                        'max by (service, process) (probe_duration_seconds{job="v-factory-health", service=~"$service"})',
                        "{{service}} {{process}}",
                    ),
                    width=12,
                    thresholds=((0.8, "orange"),),
                    runbooks=("VFactoryHealthCheckSlow",),
                ),
                Panel(
                    "Alerts that fire",
                    "Firing alerts by name.",
                    "short",
                    query(
                        'count by (alertname, severity) (ALERTS{alertstate="firing", severity!="none"})',
                        "{{alertname}} ({{severity}})",
                    ),
                    width=12,
                    empty=NOTHING_WENT_WRONG,
                ),
                Panel(
                    "Versions",
                    "Processes by the version that they run; two versions of a service for long is a rollout that is stuck.",
                    "short",
                    query("count by (service, version) (vfactory_build_info)", "{{service}} {{version}}"),
                    width=12,
                    stacked=True,
                    runbooks=("VFactoryVersionsMixed",),
                ),
            ),
        ),
    ),
)
