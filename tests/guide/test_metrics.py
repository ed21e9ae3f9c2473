"""The guide's chapter Prometheus 메트릭 수집, statement by statement."""

import importlib
from collections.abc import Callable, Iterator, Mapping

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_fastapi_instrumentator.middleware import PrometheusInstrumentatorMiddleware

from support.servers import RunningProcess
from utils.settings import ServiceSettings

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
REQUESTS = 42
HEALTH = {"method": "GET", "path": "/health"}


def read(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


@pytest.fixture(scope="module")
def fresh(launch: Callable[..., RunningProcess], each_service: str) -> Iterator[RunningProcess]:
    """A service that nobody has asked for `/health` yet."""
    with launch(each_service, shared="guide") as service:
        yield service


@pytest.fixture(scope="module")
def asked(fresh: RunningProcess) -> tuple[str, int]:
    """The metrics after as many requests for `/health` as the guide has, and the bytes that came back."""
    with httpx.Client(base_url=fresh.base_url) as client:
        received = sum(len(client.get("/health").content) for _ in range(REQUESTS))
        return client.get("/metrics").text, received


@pytest.mark.parametrize("line", ['http_requests_total{method="GET",path="/health",status_code="200"} 42'])
def test_the_request_counter_is_the_guides_line(asked: tuple[str, int], line: str) -> None:
    text, _ = asked

    assert line in [shown.removesuffix(".0") for shown in text.splitlines()]


def test_the_response_times_are_the_guides_histogram(asked: tuple[str, int]) -> None:
    text, _ = asked
    samples = read(text)

    buckets = [
        value(samples, "http_request_duration_seconds_bucket", **HEALTH, le=le) for le in ("0.005", "0.01")
    ]
    assert 0 <= buckets[0] <= buckets[1] <= REQUESTS
    assert value(samples, "http_request_duration_seconds_bucket", **HEALTH, le="+Inf") == REQUESTS
    assert value(samples, "http_request_duration_seconds_count", **HEALTH) == REQUESTS
    assert value(samples, "http_request_duration_seconds_sum", **HEALTH) > 0
    assert 'http_request_duration_seconds_bucket{method="GET",path="/health",le="0.005"}' in text


def test_the_sizes_are_those_of_the_bodies(asked: tuple[str, int]) -> None:
    text, received = asked
    samples = read(text)

    assert value(samples, "http_request_size_bytes_count", **HEALTH) == REQUESTS
    assert value(samples, "http_request_size_bytes_sum", **HEALTH) == 0
    assert value(samples, "http_response_size_bytes_count", **HEALTH) == REQUESTS
    assert value(samples, "http_response_size_bytes_sum", **HEALTH) == received


def test_metrics_are_served_in_prometheus_format(fresh: RunningProcess) -> None:
    answer = httpx.get(f"{fresh.base_url}/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")


def test_requests_are_counted_by_method_path_and_status_code(fresh: RunningProcess) -> None:
    with httpx.Client(base_url=fresh.base_url) as client:
        client.head("/health")
        client.get("/nowhere")
        samples = read(client.get("/metrics").text)

    assert value(samples, "http_requests_total", method="HEAD", path="/health", status_code="200") == 1
    assert value(samples, "http_requests_total", method="GET", path="unmatched", status_code="404") == 1


def test_requests_are_observed_by_the_instrumentator(
    settings_for: Callable[..., ServiceSettings], each_service: str
) -> None:
    module = importlib.import_module(f"{each_service.replace('-', '_')}.app")
    app = module.create_app(settings_for(each_service))

    assert PrometheusInstrumentatorMiddleware in [middleware.cls for middleware in app.user_middleware]
