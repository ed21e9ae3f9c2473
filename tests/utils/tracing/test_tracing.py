"""What spans say, whose children they are, and what an event carries of its trace."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, get_current_span

from utils.http import build_app
from utils.http.instrumentation import REQUEST_METRICS
from utils.http.request_metrics import BUCKETS
from utils.logging import follow_spans, logger, trace_id_var
from utils.logging.context import add_trace
from utils.settings import ServiceSettings
from utils.tracing import TRACE_PARENT, carried, delivered, each, handled, published, shared
from utils.tracing.propagation import trace_id_of, use_spans
from utils.tracing.spans import TracerSpans, current_ids
from utils.tracing.statements import StatementSampler

DEAD = {"database_url": "postgresql://u:p@127.0.0.1:1/d", "redis_url": "redis://:p@127.0.0.1:1/0"}
TRACE, OTHER_TRACE = "0af7651916cd43dd8448eb211c80319c", "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "b7ad6b7169203331"
PARENT, OTHER_PARENT = f"00-{TRACE}-{SPAN}-01", f"00-{OTHER_TRACE}-{SPAN}-01"
UNSAMPLED = f"00-{TRACE}-{SPAN}-00"


@dataclass(frozen=True)
class Event:
    seq: int
    trace: str | None
    type: str = "thing.happened.v1"

    def carrying(self, trace: str | None) -> "Event":
        return replace(self, trace=trace)


class Recorded(InMemorySpanExporter):
    """The spans that ended, in the order they did."""

    def names(self) -> list[str]:
        return [span.name for span in self.get_finished_spans()]

    def only(self, name: str) -> ReadableSpan:
        [span] = [span for span in self.get_finished_spans() if span.name == name]
        return span


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def parent_of(span: ReadableSpan) -> str | None:
    return None if span.parent is None else f"{span.parent.span_id:016x}"


@pytest.fixture
def provider() -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.sampler = StatementSampler(provider.sampler)
    return provider


@pytest.fixture
def spans(provider: TracerProvider) -> Iterator[Recorded]:
    """Tracing is on, into memory."""
    recorded = Recorded()
    provider.add_span_processor(SimpleSpanProcessor(recorded))
    use_spans(TracerSpans(provider.get_tracer("test")))
    follow_spans(current_ids)
    yield recorded
    follow_spans(None)
    use_spans(None)


def logged() -> dict[str, str]:
    """Give what a line logged now would say of the trace."""
    fields: dict[str, str] = {}
    add_trace(fields)
    return fields


def make_app() -> FastAPI:
    app = build_app(ServiceSettings(service_name="kit", **DEAD), title="Kit", description="")
    router = APIRouter(prefix="/v1")

    @router.get("/spanned/{key}")
    async def spanned(key: str) -> dict[str, str]:
        if key == "broken":
            raise RuntimeError
        return logged()

    app.include_router(router)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app()), base_url="http://kit") as client:
        yield client


async def test_a_request_begins_a_trace_or_goes_on_with_its_clients(
    spans: Recorded, client: httpx.AsyncClient
) -> None:
    begun = (await client.get("/v1/spanned/1")).json()
    continued = (await client.get("/v1/spanned/2", headers={"traceparent": PARENT})).json()
    first, second = spans.get_finished_spans()
    assert (parent_of(first), trace_of(first)) == (None, begun["trace_id"])
    assert (parent_of(second), trace_of(second)) == (SPAN, TRACE)
    assert continued["trace_id"] == TRACE
    assert second.context is not None
    assert continued["span_id"] == f"{second.context.span_id:016x}"
    assert logged() == {}


async def test_a_span_says_method_template_and_status_and_nothing_a_client_can_make_up(
    spans: Recorded, client: httpx.AsyncClient
) -> None:
    await client.get("/v1/spanned/secret", headers={"user-agent": "secret"})
    await client.request("SECRET", "/v1/secret?token=secret")
    await client.get("/v1/spanned/broken")
    found, unmatched, broken = spans.get_finished_spans()
    assert found.name == "GET /v1/spanned/{key}"
    assert dict(found.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/v1/spanned/{key}",
        "http.response.status_code": 200,
    }
    assert unmatched.name == "_OTHER unmatched"
    assert (broken.status.status_code, (broken.attributes or {})["error.type"]) == (StatusCode.ERROR, "500")
    assert not broken.events
    assert "secret" not in str([span.to_json() for span in spans.get_finished_spans()])


async def test_health_and_metrics_have_no_span_and_no_exemplar(
    spans: Recorded, client: httpx.AsyncClient
) -> None:
    for path in ("/health", "/health/live", "/health/ready", "/metrics"):
        await client.get(path, headers={"traceparent": PARENT})
    assert spans.names() == []
    text = (await client.get("/metrics", headers=OPEN_METRICS)).text
    assert TRACE not in text


OPEN_METRICS = {"accept": "application/openmetrics-text; version=1.0.0"}
NONSENSE = [
    "",
    "x",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"ff-{TRACE}-{SPAN}-01",
    f"00-{TRACE.upper()}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}",
    f"00-{TRACE}-{SPAN}-01\x00",
]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_carries_no_trace(spans: Recorded, nonsense: str) -> None:
    assert trace_id_of(nonsense) is None
    with handled("kit", [Event(1, nonsense)]), each(Event(1, nonsense)), shared("work", [nonsense]):
        assert logged() == {}
        assert carried() is None
    delivered(Event(1, nonsense), 1)
    assert spans.names() == []


@pytest.mark.parametrize("nonsense", [text for text in NONSENSE if text.isprintable()])
async def test_a_nonsense_traceparent_is_as_none(
    spans: Recorded, client: httpx.AsyncClient, nonsense: str
) -> None:
    told = (await client.get("/v1/spanned/1", headers={"traceparent": nonsense})).json()
    [span] = spans.get_finished_spans()
    assert parent_of(span) is None
    assert told["trace_id"] == trace_of(span) != TRACE
    assert int(told["trace_id"], 16) != 0


async def test_an_unsampled_trace_is_in_the_log_but_neither_exported_nor_an_exemplar(
    spans: Recorded, client: httpx.AsyncClient
) -> None:
    told = (await client.get("/v1/spanned/1", headers={"traceparent": UNSAMPLED})).json()
    assert told["trace_id"] == TRACE
    assert spans.names() == []
    assert TRACE not in (await client.get("/metrics", headers=OPEN_METRICS)).text


async def test_there_is_one_exemplar_a_bucket_however_many_requests(
    spans: Recorded, client: httpx.AsyncClient
) -> None:
    await client.get("/v1/spanned/0")
    series = REQUEST_METRICS._series["GET", "/v1/spanned/{key}"]
    series.exemplars.clear()  # those of other tests' requests
    for number in range(200):
        await client.get(f"/v1/spanned/{number}")
    assert 1 <= len(series.exemplars) <= len(BUCKETS)
    kept = {trace_id for trace_id, _, _ in series.exemplars.values()}
    assert kept <= {trace_of(span) for span in spans.get_finished_spans()}
    for place, (_, duration, _) in series.exemplars.items():
        assert duration <= BUCKETS[place]


def test_each_of_the_events_handled_together_has_a_span_in_its_own_trace(spans: Recorded) -> None:
    events = [Event(1, PARENT), Event(2, None), Event(3, OTHER_PARENT)]
    inside = []
    with handled("kit", events):
        assert logged()["trace_id"] == TRACE
        for event in events:
            with each(event):
                inside.append((logged()["trace_id"], carried()))
    first, third = spans.get_finished_spans()
    assert (trace_of(first), trace_of(third)) == (TRACE, OTHER_TRACE)
    assert [parent_of(span) for span in (first, third)] == [SPAN, SPAN]
    assert [trace for trace, _ in inside] == [TRACE, TRACE, OTHER_TRACE]
    assert third.context is not None
    assert inside[2][1] == f"00-{OTHER_TRACE}-{third.context.span_id:016x}-01"
    assert logged() == {}


def test_events_that_cannot_be_handled_leave_failed_spans(spans: Recorded) -> None:
    events = [Event(1, PARENT), Event(2, OTHER_PARENT)]
    with pytest.raises(LookupError), handled("kit", events):
        raise LookupError("secret")
    for span in spans.get_finished_spans():
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == "LookupError"
        assert "secret" not in span.to_json()
    assert len(spans.names()) == 2


def test_what_is_published_carries_the_span_of_its_publishing(spans: Recorded) -> None:
    events = [Event(1, PARENT), Event(2, UNSAMPLED), Event(3, None), Event(4, TRACE)]
    with published({"factory": events}) as given:
        sent = given["factory"]
        assert spans.names() == []
    span = spans.only("publish thing.happened.v1")
    assert span.context is not None
    assert (trace_of(span), parent_of(span)) == (TRACE, SPAN)
    assert sent == [Event(1, f"00-{TRACE}-{span.context.span_id:016x}-01"), *events[1:]]


def test_work_done_for_several_is_a_child_of_the_first_and_linked_with_the_others(spans: Recorded) -> None:
    with shared("work", [None, PARENT, PARENT, OTHER_PARENT]):
        assert logged()["trace_id"] == TRACE
    span = spans.only("work")
    assert parent_of(span) == SPAN
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [OTHER_TRACE]


async def test_work_for_nobodys_trace_is_not_that_of_who_started_the_task(
    spans: Recorded, provider: TracerProvider
) -> None:
    async def work() -> bool:
        with shared("work", [None]):
            return get_current_span().get_span_context().is_valid

    with provider.get_tracer("test").start_as_current_span("request"):
        assert not await asyncio.create_task(work())
    assert spans.names() == ["request"]


def test_a_delivery_says_to_how_many(spans: Recorded) -> None:
    delivered(Event(7, PARENT), 3)
    delivered(Event(8, UNSAMPLED), 3)
    attributes = spans.only("deliver thing.happened.v1").attributes or {}
    assert (attributes["vfactory.receivers"], attributes["vfactory.event.seq"]) == (3, 7)


@pytest.mark.parametrize(
    ("statement", "is_kept"),
    [
        ("SELECT * FROM incidents", True),
        ("\n    WITH batch AS (SELECT 1) INSERT INTO outbox SELECT 1", True),
        ("SELECT set_name FROM begin_times", True),
        ("BEGIN;", False),
        ("COMMIT;", False),
        ("ROLLBACK;", False),
        ("BEGIN; SET LOCAL lock_timeout = '0.5s'", False),
        ("set local synchronous_commit = off", False),
        ("select pg_catalog.version()", False),
        ("SELECT pg_advisory_lock($1)", False),
        ("SELECT 1", False),
    ],
)
def test_only_what_a_trace_is_about_has_a_span(
    spans: Recorded, provider: TracerProvider, *, statement: str, is_kept: bool
) -> None:
    tracer = provider.get_tracer("asyncpg")
    for name in ("db.query.text", "db.statement"):
        spans.clear()
        tracer.start_span("outside", attributes={name: statement}).end()
        assert spans.names() == []
        with tracer.start_as_current_span("request"):
            tracer.start_span("inside", attributes={name: statement}).end()
        assert spans.names() == (["inside"] if is_kept else []) + ["request"]


def test_without_tracing_a_trace_id_is_carried_into_log_lines_and_events() -> None:
    for trace in (TRACE, PARENT):
        with handled("kit", [Event(1, trace), Event(2, None)]):
            assert logged() == {"trace_id": TRACE}
            with each(Event(1, trace)):
                assert (carried(), logged()) == (TRACE, {"trace_id": TRACE})
    assert trace_id_var.get() is None
    assert carried() is None
    with shared("work", [PARENT]), published({1: [Event(1, PARENT)]}) as given:
        assert given == {1: [Event(1, PARENT)]}
    delivered(Event(1, PARENT), 1)
    logger.debug("nothing was recorded, and nothing failed")
    assert TRACE_PARENT.fullmatch(PARENT)
