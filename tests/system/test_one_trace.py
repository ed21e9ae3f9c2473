"""One trace from the request that brings a reading to the incident it opens, over two services and Redis."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from support.plant.bare_client import client_of
from support.plant.factory_core import build_factory, reading
from support.plant.incident_event import RULE, listening
from support.servers import RunningProcess
from support.servers.otlp_collector import Collector, Span, collecting

CLIENT_TRACE, CLIENT_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
INGEST = "POST /v1/factories/{factory_id}/readings"
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


class Traced:
    """Both services and their workers, tracing."""

    def __init__(
        self, running: Callable[..., RunningProcess], variables: dict[str, str], **of_workers: str
    ) -> None:
        self.core = running("factory-core", "api", env=variables)
        self.core_worker = running("factory-core", "worker", env={**variables, **of_workers})
        more = {**variables, "INCIDENT_EVENT_FACTORY_CORE_URL": self.core.base_url}
        self.incident_event = running("incident-event", "api", env=more)
        self.incident_worker = running("incident-event", "worker", env={**more, **of_workers})
        self.processes = (self.core, self.core_worker, self.incident_event, self.incident_worker)

    def lines(self, process: RunningProcess, message: str) -> list[dict[str, Any]]:
        return [line for text in process.lines if (line := json.loads(text))["message"].startswith(message)]


async def a_reading_that_opens_an_incident(
    traced: Traced, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Send it, and give the incident as the event stream tells of it."""
    async with (
        client_of(traced.core.base_url) as core,
        client_of(traced.incident_event.base_url) as incidents,
    ):
        factory = await build_factory(core, "press-1")
        rule = {**RULE, "equipment": "press-1", "metric": "force", "on_delay_seconds": 0}
        answer = await incidents.post("/v1/rules", json={"factory_id": str(factory.factory_id), **rule})
        assert answer.status_code == 201, answer.text
        async with listening(incidents, factory.factory_id, last_id=0) as listener:
            assert (await listener.next()).type == "rule.created.v1"
            body = {"batch_id": "b-1", "readings": [reading(0, 99.0)]}
            answer = await core.post(factory.path, json=body, headers=headers or {})
            assert answer.status_code == 200, answer.text
            reported = await listener.next(seconds=30)
    assert reported.type == "incident.reported.v1"
    data: dict[str, Any] = reported.data
    return data


async def test_one_trace_leads_from_the_request_to_the_incident_and_its_event(
    running: Callable[..., RunningProcess], collector: Collector
) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    traced = Traced(running, variables, OTEL_BSP_SCHEDULE_DELAY="600000")
    parent = f"00-{CLIENT_TRACE}-{CLIENT_SPAN}-01"
    event = await a_reading_that_opens_an_incident(traced, {"traceparent": parent})
    assert "trace" not in event
    for worker in (traced.core_worker, traced.incident_worker):  # they export at their end, if not before
        assert await asyncio.to_thread(worker.stop) == 0

    def of(name: str) -> list[Span]:
        return [span for span in list(collector.spans) if (span.trace_id, span.name) == (CLIENT_TRACE, name)]

    async def only(name: str) -> Span:
        """Give the one span of this name, which comes when its process exports."""
        found: list[Span] = await asyncio.to_thread(collector.wait_for, lambda: of(name))
        assert len(found) == 1, found
        return found[0]

    request = await only(INGEST)
    assert (request.parent_id, request.kind, request.service, request.process) == (
        CLIENT_SPAN,
        SERVER,
        "factory-core",
        "api",
    )
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/factories/{factory_id}/readings",
        "http.response.status_code": 200,
    }
    record = await only("record batches")
    assert record.parent_id == request.span_id
    written = [span for span in collector.spans if span.parent_id == record.span_id]
    assert [span.kind for span in written] == [CLIENT] * len(written) != []
    assert any("INSERT INTO readings" in span.attributes["db.query.text"] for span in written)

    sent = await only("publish readings.accepted.v1")
    assert (sent.parent_id, sent.kind, sent.process) == (request.span_id, PRODUCER, "worker")
    processed = await only("process readings.accepted.v1")
    assert (processed.parent_id, processed.kind) == (sent.span_id, CONSUMER)
    assert (processed.service, processed.process) == ("incident-event", "worker")
    inside = [span for span in collector.spans if span.parent_id == processed.span_id]
    statements = [span.attributes.get("db.query.text", "") for span in inside]
    assert any("INSERT INTO incidents" in statement for statement in statements)
    assert any("INSERT INTO outbox" in statement for statement in statements)
    assert any("consumer_positions" in statement for statement in statements)

    told = await only("publish incident.reported.v1")
    assert (told.parent_id, told.service) == (processed.span_id, "incident-event")
    delivered = await only("deliver incident.reported.v1")
    assert (delivered.parent_id, delivered.process) == (told.span_id, "api")
    assert delivered.attributes["vfactory.receivers"] == 1

    [access] = [
        line
        for line in traced.lines(traced.core, "POST /v1/factories/{factory_id}/readings")
        if line["status"] == 200
    ]
    assert (access["trace_id"], access["span_id"]) == (CLIENT_TRACE, request.span_id)
    [raised] = traced.lines(traced.incident_worker, "Incident raised")
    assert (raised["trace_id"], raised["span_id"]) == (CLIENT_TRACE, processed.span_id)
    assert_no_noise(collector, traced)
    await the_exemplar_shows(traced.core, CLIENT_TRACE)


def assert_no_noise(collector: Collector, traced: Traced) -> None:
    """Only requests begin traces; no span is of a transaction's frame; no line has an id of zeros."""
    roots = {span.name for span in collector.spans if not span.parent_id}
    assert roots <= {
        "GET /v1/event-log/heads",  # by Incident Event's worker, now and then
        "GET /v1/events",
        "POST /v1/factories",
        "POST /v1/factories/{factory_id}/equipment",
        "POST /v1/rules",
    }
    words = {span.name.strip(";").upper() for span in collector.spans if span.kind == CLIENT}
    assert words <= {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}
    keys = {key for span in collector.spans for key in span.attributes if span.kind == CLIENT}
    assert keys == {
        "db.system.name",
        "db.namespace",
        "db.query.text",
        "server.address",
        "server.port",
        "network.transport",
    }
    for process in traced.processes:
        for text in process.lines:
            line = json.loads(text)
            assert set(line.get("trace_id", "1")) != {"0"}
            assert set(line.get("span_id", "1")) != {"0"}


async def the_exemplar_shows(process: RunningProcess, trace_id: str) -> None:
    async with httpx.AsyncClient(base_url=process.base_url, trust_env=False) as client:
        open_metrics = {"accept": "application/openmetrics-text; version=1.0.0"}
        text = (await client.get("/metrics", headers=open_metrics)).text
        plain = (await client.get("/metrics")).text
    buckets = [
        sample
        for family in parse_openmetrics(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.name == "http_request_duration_seconds_bucket" and sample.exemplar is not None
    ]
    shown = [sample for sample in buckets if sample.exemplar.labels == {"trace_id": trace_id}]
    assert [sample.labels["path"] for sample in shown] == ["/v1/factories/{factory_id}/readings"]
    assert {"/health", "/metrics"}.isdisjoint(sample.labels["path"] for sample in buckets)
    assert trace_id not in plain


async def test_without_tracing_a_clients_trace_id_still_leads_through_the_logs(
    running: Callable[..., RunningProcess],
) -> None:
    traced = Traced(running, {})
    parent = f"00-{CLIENT_TRACE}-{CLIENT_SPAN}-01"
    await a_reading_that_opens_an_incident(traced, {"traceparent": parent})
    [raised] = traced.lines(traced.incident_worker, "Incident raised")
    assert raised["trace_id"] == CLIENT_TRACE
    assert "span_id" not in raised
