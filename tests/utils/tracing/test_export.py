"""Whatever the collector does, requests are answered, little is said of it, and the process ends in time."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from embedded import free_port
from support.servers import AUTH_SECRET, RunningProcess
from support.servers.otlp_collector import Collector, collecting
from support.waiting import wait_for
from utils.auth import Role, issue_token

FACTORY = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def traced(running: Callable[..., RunningProcess]) -> Callable[..., RunningProcess]:
    """Start a tracing service, exporting every tenth of a second and giving a collector one second."""

    def start(endpoint: str, **more: str) -> RunningProcess:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "SHUTDOWN_SECONDS": "4",
            **more,
        }
        return running("asset-management", "api", env=variables)

    return start


def ask(process: RunningProcess, times: int = 1) -> None:
    """Send requests that ask the database, each answered as if there were no tracing."""
    token = issue_token(AUTH_SECRET, subject="kim", role=Role("viewer"), factories="*")
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=5) as client:
        for _ in range(times):
            answer = client.get(f"{process.base_url}/v1/assets", params={"factory": FACTORY})
            assert answer.status_code == 200, answer.text


def metric(process: RunningProcess, line: str) -> float:
    text = httpx.get(f"{process.base_url}/metrics", trust_env=False).text
    found = [part for part in text.splitlines() if part.startswith(line)]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def lines(process: RunningProcess, message: str) -> list[dict[str, Any]]:
    return [line for text in process.lines if (line := json.loads(text))["message"] == message]


def lost(process: RunningProcess, reason: str = "export_failed") -> float:
    return metric(process, f'vfactory_trace_spans_dropped_total{{reason="{reason}"}}')


def wait_for_lost(process: RunningProcess, spans: int) -> None:
    wait_for(lambda: lost(process) >= spans)


def assert_told_once(process: RunningProcess, reason: str) -> None:
    told = lines(process, "Traces cannot be exported")
    assert [(line["level"], line["reason"]) for line in told] == [("WARNING", reason)]
    loggers = {json.loads(text).get("logger", "") for text in process.lines}
    assert not [name for name in loggers if name.startswith(("opentelemetry", "urllib3"))]


def test_a_collector_that_is_away_is_told_once_and_again_when_it_is_back(
    traced: Callable[..., RunningProcess],
) -> None:
    port = free_port()
    process = traced(f"http://127.0.0.1:{port}")
    for round_ in range(1, 4):
        ask(process)
        wait_for_lost(process, 2 * round_)
    assert_told_once(process, "ConnectionError")
    with collecting(port) as collector:
        ask(process)
        collector.wait_for(lambda: collector.spans)
        wait_for(lambda: lines(process, "Traces are exported again"))
        assert metric(process, "vfactory_trace_spans_exported_total") >= 1
        assert process.stop() == 0


@pytest.mark.parametrize(("status", "reason"), [(400, "HTTP 400"), (401, "HTTP 401"), (503, "HTTP 503")])
def test_a_collector_that_refuses_is_told_once(
    traced: Callable[..., RunningProcess], collector: Collector, status: int, reason: str
) -> None:
    collector.status = status
    process = traced(collector.url)
    for round_ in range(1, 3):
        ask(process)
        wait_for_lost(process, 2 * round_)
    assert_told_once(process, reason)


def test_a_collector_that_does_not_speak_tls_is_told_once(
    traced: Callable[..., RunningProcess], collector: Collector
) -> None:
    process = traced(collector.url.replace("http:", "https:"))
    ask(process)
    wait_for(lambda: lost(process))
    assert_told_once(process, "SSLError")


def test_a_collector_that_hangs_holds_up_no_request_and_not_the_end(
    traced: Callable[..., RunningProcess], collector: Collector
) -> None:
    collector.hangs.set()
    process = traced(collector.url, OTEL_EXPORTER_OTLP_TIMEOUT="30", OTEL_BSP_MAX_QUEUE_SIZE="6",
                     OTEL_BSP_MAX_EXPORT_BATCH_SIZE="2")  # fmt: skip
    ask(process, times=30)
    assert lost(process, "queue_full") >= 40
    assert process.stop() == 0  # late, it would be ended by force, with another code
    assert lines(process, "The last spans were not exported")[0]["spans"] == 6
    assert not [text for text in process.stderr if "CRITICAL" in text]


def test_the_last_spans_are_exported_at_the_end(
    traced: Callable[..., RunningProcess], collector: Collector
) -> None:
    process = traced(collector.url, OTEL_BSP_SCHEDULE_DELAY="60000", OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    ask(process)
    assert not collector.spans
    assert process.stop() == 0
    assert [span.attributes["http.response.status_code"] for span in collector.named("GET /v1/assets")] == [
        200
    ]
    assert not lines(process, "The last spans were not exported")


def test_settings_of_the_standard_are_heeded(
    traced: Callable[..., RunningProcess], collector: Collector
) -> None:
    process = traced(
        collector.url,
        OTEL_SERVICE_NAME="renamed",
        OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT="10",
        OTEL_TRACES_SAMPLER="parentbased_always_on",
    )
    ask(process)
    [request] = collector.wait_for(lambda: collector.named("GET /v1/assets"))
    assert request.service == "renamed"
    statements = [span for span in collector.spans if span.parent_id == request.span_id]
    assert {len(span.attributes["db.query.text"]) for span in statements} == {10}
    unsampled = traced(collector.url, OTEL_TRACES_SAMPLER="always_off")
    seen = len(collector.spans)
    ask(unsampled)
    assert unsampled.stop() == 0
    assert len(collector.spans) == seen
