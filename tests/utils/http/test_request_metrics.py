import asyncio
import random
import string
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from utils.http import build_app
from utils.http.instrumentation import REQUEST_METRICS
from utils.http.request_metrics import BUCKET_NAMES, RequestMetrics
from utils.settings import ServiceSettings

DEAD = {"database_url": "postgresql://u:p@127.0.0.1:1/d", "redis_url": "redis://:p@127.0.0.1:1/0"}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def make_app() -> FastAPI:
    app = build_app(ServiceSettings(service_name="kit", **DEAD), title="Kit", description="")
    router = APIRouter(prefix="/v1")

    @router.post("/things/{key}")
    async def take(key: str, request: Request) -> dict[str, int | str]:
        return {"key": key, "length": len(await request.body())}

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("broken")

    @router.get("/stream")
    async def stream() -> StreamingResponse:
        async def events() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            await asyncio.sleep(0.3)
            yield b"data: 2\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    @router.get("/blocking")
    def blocking() -> None:
        time.sleep(1)

    app.include_router(router)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app()), base_url="http://kit") as client:
        yield client


def read(text: str) -> Samples:
    """Read an exposition as {(name, labels): value}, whatever the order of labels and lines."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


async def scrape(client: httpx.AsyncClient) -> Samples:
    return read((await client.get("/metrics")).text)


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


async def growth(client: httpx.AsyncClient, name: str, method: str, url: str, /, **labels: str) -> float:
    """Give by how much one request makes a sample grow."""
    before = value(await scrape(client), name, **labels)
    await client.request(method, url)
    return value(await scrape(client), name, **labels) - before


async def test_a_request_counts_under_method_template_and_status(client: httpx.AsyncClient) -> None:
    labels = {"method": "POST", "path": "/v1/things/{key}", "status_code": "200"}
    assert await growth(client, "http_requests_total", "POST", "/v1/things/7", **labels) == 1


async def test_a_path_nobody_serves_counts_as_unmatched(client: httpx.AsyncClient) -> None:
    labels = {"method": "GET", "path": "unmatched", "status_code": "404"}
    assert await growth(client, "http_requests_total", "GET", "/v1/nowhere", **labels) == 1
    assert await growth(client, "http_requests_total", "GET", "/v1/things/7/", **labels) == 1


async def test_a_method_outside_the_standard_ones_counts_as_other(client: httpx.AsyncClient) -> None:
    labels = {"method": "OTHER", "path": "/v1/things/{key}", "status_code": "405"}
    assert await growth(client, "http_requests_total", "FOOBAR", "/v1/things/7", **labels) == 1


async def test_a_handler_that_raises_counts_as_500_with_its_duration(client: httpx.AsyncClient) -> None:
    labels = {"method": "GET", "path": "/v1/broken"}
    assert await growth(client, "http_requests_total", "GET", "/v1/broken", **labels, status_code="500") == 1
    assert value(await scrape(client), "http_request_duration_seconds_sum", **labels) > 0


async def test_durations_have_the_librarys_default_buckets(client: httpx.AsyncClient) -> None:
    await client.post("/v1/things/7")
    samples = await scrape(client)
    bounds = [
        dict(labels)["le"]
        for name, labels in samples
        if name == "http_request_duration_seconds_bucket"
        and {("path", "/v1/things/{key}"), ("method", "POST")} <= set(labels)
    ]
    assert bounds == list(BUCKET_NAMES)
    assert bounds[0] == "0.005"
    assert bounds[9] == "1.0"
    assert bounds[-1] == "+Inf"


async def test_sizes_are_the_bytes_that_really_came_and_went(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 1000

    labels = {"method": "POST", "path": "/v1/things/{key}"}
    before = await scrape(client)
    answer = await client.post("/v1/things/7", content=pieces())
    after = await scrape(client)
    for name, size in (("request", 3000), ("response", len(answer.content))):
        total, count = f"http_{name}_size_bytes_sum", f"http_{name}_size_bytes_count"
        assert value(after, total, **labels) - value(before, total, **labels) == size
        assert value(after, count, **labels) - value(before, count, **labels) == 1


async def test_a_streams_duration_is_its_time_to_first_byte(client: httpx.AsyncClient) -> None:
    labels = {"method": "GET", "path": "/v1/stream"}
    name = "http_request_duration_seconds_sum"
    assert 0 < await growth(client, name, "GET", "/v1/stream", **labels) < 0.25


async def test_a_streams_bytes_count_while_it_flows_and_as_its_size_at_the_end() -> None:
    app, sent = make_app(), []
    labels = {"method": "GET", "path": "/v1/stream"}

    def flowed() -> tuple[float, float]:
        total = REGISTRY.get_sample_value("vfactory_sse_sent_bytes_total") or 0
        return total, REGISTRY.get_sample_value("http_response_size_bytes_sum", labels) or 0

    before, during = flowed(), (0.0, 0.0)

    class Watching(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal during
            task = asyncio.ensure_future(super().handle_async_request(request))
            await asyncio.sleep(0.15)
            during = flowed()
            sent.append(task)
            return await task

    async with httpx.AsyncClient(transport=Watching(app), base_url="http://kit") as client:
        await client.get("/v1/stream")
    after = flowed()
    assert [during[i] - before[i] for i in (0, 1)] == [9, 0]
    assert [after[i] - before[i] for i in (0, 1)] == [18, 18]


async def test_series_stay_bounded_under_ten_thousand_random_requests(client: httpx.AsyncClient) -> None:
    before = (await scrape(client)).keys()
    chance = random.Random(2)  # noqa: S311 - a test's dice
    letters = string.ascii_letters + string.digits + "/_-.~"

    def anything(length: int) -> str:
        return "".join(chance.choices(letters, k=length))

    for number in range(10_000):
        method = chance.choice(("GET", "POST", "DELETE", "PROPFIND", anything(6).strip("/~").upper() or "X"))
        path = chance.choice(("/", "/v1/things/", "/v1/things//", "/health/", "/v1/")) + anything(8)
        await client.request(method, f"{path}{'/' * (number % 3)}")
    new = (await scrape(client)).keys() - before
    seen = [dict(labels) for name, labels in new if name == "http_requests_total"]
    assert {labels["path"] for labels in seen} <= {"unmatched", "/v1/things/{key}", "/metrics"}
    assert {labels["method"] for labels in seen} <= {"GET", "POST", "DELETE", "OTHER"}
    assert len(new) < 500


async def test_metrics_answers_while_the_thread_pool_is_saturated(client: httpx.AsyncClient) -> None:
    blocked = [asyncio.create_task(client.get("/v1/blocking")) for _ in range(45)]
    await asyncio.sleep(0.2)
    started = time.monotonic()
    assert (await client.get("/metrics")).status_code == 200
    assert time.monotonic() - started < 0.5
    assert not all(task.done() for task in blocked)
    await asyncio.gather(*blocked)


async def test_metrics_speaks_openmetrics_to_those_who_ask(client: httpx.AsyncClient) -> None:
    await client.post("/v1/things/7")
    answer = await client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    names = {family.name for family in parse_openmetrics(answer.text)}  # type: ignore[no-untyped-call]
    assert {"http_requests", "http_request_duration_seconds", "http_request_size_bytes"} <= names


async def test_openmetrics_says_the_same_as_plain_text(client: httpx.AsyncClient) -> None:
    await client.post("/v1/things/7", content=b"x")
    plain = read(REQUEST_METRICS.text())
    families = parse_openmetrics(REQUEST_METRICS.text(openmetrics=True) + "# EOF\n")  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples]
    assert {(s.name, tuple(sorted(s.labels.items()))): s.value for s in samples} == plain


async def test_metrics_answers_head_and_is_never_cached(client: httpx.AsyncClient) -> None:
    answer = await client.head("/metrics")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"


async def test_the_fast_text_says_what_the_library_would(client: httpx.AsyncClient) -> None:
    await client.post("/v1/things/7", content=b"x")
    ours, theirs = read(REQUEST_METRICS.text()), read(generate_latest(REGISTRY).decode())
    assert ours == {key: number for key, number in theirs.items() if key[0].startswith("http_request")} | {
        key: number for key, number in theirs.items() if key[0].startswith("http_response")
    }


async def test_no_metric_says_when_it_was_created(client: httpx.AsyncClient) -> None:
    await client.post("/v1/things/7")
    for accept in ("text/plain", "application/openmetrics-text; version=1.0.0"):
        answer = await client.get("/metrics", headers={"accept": accept})
        assert "_created" not in answer.text


def test_a_second_set_of_the_same_metrics_is_refused_aloud() -> None:
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        REGISTRY.register(RequestMetrics())


async def test_build_info_names_service_version_and_python(client: httpx.AsyncClient) -> None:
    samples = await scrape(client)
    [labels] = [
        dict(labels)
        for name, labels in samples
        if name == "vfactory_build_info" and ("service", "kit") in labels
    ]
    assert labels.keys() == {"service", "version", "python"}
