"""The figures of one process, and their computation from its /metrics."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from vfactory.top.exposition import STARTED, Scrape, Series, increases
from vfactory.top.quantile import histogram_quantile

# As in monitoring/prometheus/rules/recording.yml: probes and scrapes do not count as traffic; the latency
# leaves out event streams, which are meant to last, and uploads, which last as long as their sender takes.
PROBES: Final = re.compile(r"/health.*|/metrics")
STREAMS: Final = "/v1/events"
UPLOADS: Final = ("POST", "/v1/assets")

REQUESTS: Final = "http_requests_total"
DURATION: Final = "http_request_duration_seconds"
CPU: Final = "process_cpu_seconds_total"
CPU_LIMIT: Final = "vfactory_cpu_limit_cores"
MEMORY: Final = "process_resident_memory_bytes"
MEMORY_LIMIT: Final = "vfactory_memory_limit_bytes"
CONNECTIONS: Final = "vfactory_database_pool_connections"
READINGS: Final = "vfactory_readings_accepted_total"
LAG: Final = "vfactory_consumer_lag_events"
NAMES: Final = frozenset(
    {
        *(STARTED, REQUESTS, f"{DURATION}_bucket", f"{DURATION}_sum", f"{DURATION}_count"),
        *(CPU, CPU_LIMIT, MEMORY, MEMORY_LIMIT, CONNECTIONS, READINGS, LAG),
    }
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The figures of one process; None means unknown.

    Args:
        request_rate: requests per second, without probes and scrapes.
        mean_seconds: mean time until the answer, without event streams and uploads.
        p99_seconds: 99 % of these answers came within this time.
        server_error_ratio: share (0..1) of the requests that ended with 5xx.
        client_error_ratio: share (0..1) of the requests that ended with 4xx.
        cpu_cores: CPU cores in use.
        cpu_limit_ratio: CPU use as a share (0..1) of the limit.
        memory_bytes: resident memory.
        memory_limit_ratio: memory use as a share (0..1) of the limit.
        connections_in_use: connections to the database that transactions hold.
        connections_open: all open connections to the database.
        connections_limit: the greatest number of connections.
        readings_rate: readings accepted per second.
        lag_events: published events that are not handled yet; the largest number over the publishers.
    """

    request_rate: float | None = None
    mean_seconds: float | None = None
    p99_seconds: float | None = None
    server_error_ratio: float | None = None
    client_error_ratio: float | None = None
    cpu_cores: float | None = None
    cpu_limit_ratio: float | None = None
    memory_bytes: float | None = None
    memory_limit_ratio: float | None = None
    connections_in_use: float | None = None
    connections_open: float | None = None
    connections_limit: float | None = None
    readings_rate: float | None = None
    lag_events: float | None = None


UNKNOWN: Final = Figures()


def measure(scrapes: Sequence[Scrape]) -> Figures:
    """Return the figures at the last scrape; rates are over all scrapes, and unknown if there is only one."""
    last, seconds = scrapes[-1], scrapes[-1].at - scrapes[0].at
    requests = _sum_by("status_code", increases(scrapes, REQUESTS), _is_traffic)
    every = None if requests is None else sum(requests.values())
    count, total, buckets = (
        _sum_by(label, increases(scrapes, f"{DURATION}_{suffix}"), _is_answered_at_once)
        for label, suffix in (("", "count"), ("", "sum"), ("le", "bucket"))
    )
    cpu = _rate(increases(scrapes, CPU), seconds)
    memory = last.total(MEMORY)
    in_use, idle = (last.total(CONNECTIONS, state=state) for state in ("in_use", "idle"))
    return Figures(
        request_rate=ratio(every, seconds),
        mean_seconds=ratio((total or {}).get(""), (count or {}).get("")),
        p99_seconds=histogram_quantile(
            0.99, {float(bound): grown for bound, grown in (buckets or {}).items()}
        ),
        server_error_ratio=ratio(_of_class("5", requests), every),
        client_error_ratio=ratio(_of_class("4", requests), every),
        cpu_cores=cpu,
        cpu_limit_ratio=ratio(cpu, last.total(CPU_LIMIT)),
        memory_bytes=memory,
        memory_limit_ratio=ratio(memory, last.total(MEMORY_LIMIT)),
        connections_in_use=in_use,
        connections_open=None if in_use is None or idle is None else in_use + idle,
        connections_limit=last.total(CONNECTIONS, state="limit"),
        readings_rate=_rate(increases(scrapes, READINGS), seconds),
        lag_events=max(last.series(LAG).values(), default=None),
    )


def ratio(part: float | None, whole: float | None) -> float | None:
    """Return `part` divided by `whole`; None if either is unknown or `whole` is 0."""
    return part / whole if part is not None and whole else None


def _rate(grown: Series | None, seconds: float) -> float | None:
    return None if grown is None else ratio(sum(grown.values()), seconds)


def _of_class(first_digit: str, requests: dict[str, float] | None) -> float | None:
    if requests is None:
        return None
    return sum(grown for code, grown in requests.items() if code.startswith(first_digit))


def _sum_by(
    label: str, grown: Series | None, keep: Callable[[dict[str, str]], bool]
) -> dict[str, float] | None:
    """Return the sums of the increases that `keep` accepts, by the value of a label ('' without it)."""
    if grown is None:
        return None
    sums: dict[str, float] = defaultdict(float)
    for labels, value in grown.items():
        if keep(named := dict(labels)):
            sums[named.get(label, "")] += value
    return sums


def _is_traffic(labels: dict[str, str]) -> bool:
    return not PROBES.fullmatch(labels.get("path", ""))


def _is_answered_at_once(labels: dict[str, str]) -> bool:
    path = labels.get("path", "")
    return _is_traffic(labels) and path != STREAMS and (labels.get("method"), path) != UPLOADS
