from typing import Any

import pytest

from vfactory.top.exposition import STARTED, Scrape, parse
from vfactory.top.figures import NAMES, UNKNOWN, measure

BOUNDS = ("0.1", "0.5", "+Inf")


def exposition(
    requests: dict[tuple[str, str, str], int], buckets: tuple[int, int, int], **others: float
) -> str:
    lines = [
        f'http_requests_total{{method="{method}",path="{path}",status_code="{code}"}} {count}'
        for (method, path, code), count in requests.items()
    ]
    for path, method in (("/v1/factories", "GET"), ("/v1/events", "GET"), ("/v1/assets", "POST")):
        times = 1 if path == "/v1/factories" else 1000
        labels = f'method="{method}",path="{path}"'
        lines += [
            f'http_request_duration_seconds_bucket{{{labels},le="{bound}"}} {count * times}'
            for bound, count in zip(BOUNDS, buckets, strict=True)
        ]
        lines.append(f"http_request_duration_seconds_count{{{labels}}} {buckets[-1] * times}")
        lines.append(f"http_request_duration_seconds_sum{{{labels}}} {buckets[-1] * 0.2 * times**2}")
    lines += [f"{name} {value}" for name, value in others.items()]
    lines += [
        f'vfactory_database_pool_connections{{state="{state}"}} {count}'
        for state, count in (("in_use", 2), ("idle", 3), ("limit", 20))
    ]
    lines += [
        f'vfactory_consumer_lag_events{{publisher="{name}"}} {lag}' for name, lag in (("a", 4), ("b", 9))
    ]
    return "\n".join(lines) + "\n"


def scrape(at: float, scale: int) -> Scrape:
    requests = {
        ("GET", "/v1/factories", "200"): 70 * scale,
        ("GET", "/v1/factories", "404"): 20 * scale,
        ("GET", "/v1/factories", "503"): 10 * scale,
        ("GET", "/health", "503"): 500 * scale,
        ("GET", "/health/live", "200"): 500 * scale,
        ("GET", "/metrics", "200"): 500 * scale,
    }
    others: dict[str, Any] = {
        "process_cpu_seconds_total": 5 * scale,
        "vfactory_cpu_limit_cores": 2,
        "process_resident_memory_bytes": 100,
        "vfactory_memory_limit_bytes": 400,
        "vfactory_readings_accepted_total": 1000 * scale,
        STARTED: 1,
    }
    return parse(exposition(requests, (50 * scale, 100 * scale, 100 * scale), **others), NAMES, at)


def test_every_figure_is_worked_out() -> None:
    figures = measure([scrape(100, 1), scrape(110, 2)])
    assert figures.request_rate == 10  # probes and scrapes are no traffic
    assert figures.client_error_ratio == 0.2
    assert figures.server_error_ratio == 0.1
    assert figures.mean_seconds == pytest.approx(0.2)  # streams and uploads would make it 200
    assert figures.p99_seconds == pytest.approx(0.492)
    assert figures.cpu_cores == 0.5
    assert figures.cpu_limit_ratio == 0.25
    assert figures.memory_bytes == 100
    assert figures.memory_limit_ratio == 0.25
    assert (figures.connections_in_use, figures.connections_open, figures.connections_limit) == (2, 5, 20)
    assert figures.readings_rate == 100
    assert figures.lag_events == 9


def test_the_first_scrape_tells_what_is_and_no_rate() -> None:
    figures = measure([scrape(100, 1)])
    assert figures.memory_bytes == 100
    assert figures.lag_events == 9
    for rate in (
        *(figures.request_rate, figures.mean_seconds, figures.p99_seconds, figures.cpu_cores),
        *(figures.server_error_ratio, figures.client_error_ratio, figures.readings_rate),
    ):
        assert rate is None


def test_without_traffic_the_rate_is_nought_and_ratios_and_latencies_are_unknown() -> None:
    figures = measure([scrape(100, 1), scrape(110, 1)])
    assert figures.request_rate == 0
    assert figures.cpu_cores == 0
    assert figures.server_error_ratio is None
    assert figures.client_error_ratio is None
    assert figures.mean_seconds is None
    assert figures.p99_seconds is None


def test_what_a_process_does_not_tell_stays_unknown() -> None:
    bare = [parse(f"{STARTED} 1\n", NAMES, at) for at in (1, 2)]
    assert measure(bare) == UNKNOWN
