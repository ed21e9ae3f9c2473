"""The table of roles, read row by row against the running services: the whole of it and nothing else."""

import base64
import importlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from contracts.access import ACCESS
from support.plant.apis import Started
from support.servers import (
    AUTH_SECRET,
    RunningProcess,
    Valkey,
    make_settings,
    package,
)
from utils.auth import Role, issue_token

SERVICES = list(ACCESS)
ROWS = [(service, method, path) for service in SERVICES for method, path in ACCESS[service]]
OPEN = ["/health", "/health/live", "/health/ready", "/metrics", "/docs", "/redoc", "/openapi.json"]

Client = Callable[[str], httpx.Client]


@pytest.fixture(scope="session")
def client_for(started: Started) -> Iterator[Client]:
    """A client of each service."""
    clients: dict[str, httpx.Client] = {}

    def client(service: str) -> httpx.Client:
        if service not in clients:
            clients[service] = httpx.Client(base_url=started(service).base_url, timeout=20)
        return clients[service]

    yield client
    for opened in clients.values():
        opened.close()


def address(template: str) -> str:
    """Fill a template with ids nobody has."""
    return re.sub(r"\{[^}]+\}", lambda _: str(uuid4()), template)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token(role: Role = Role.ADMIN, **changes: Any) -> str:
    return issue_token(AUTH_SECRET, subject="kim", role=role, **changes)


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_under_v1_is_in_the_table_and_nothing_else(service: str, valkey: Valkey) -> None:
    module = importlib.import_module(f"{package(service)}.app")
    app: FastAPI = module.create_app(
        make_settings(service, "postgresql://user:password@127.0.0.1:1/db", valkey.url())
    )
    routes = {
        (method, context.path)
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
        if context.path not in {*OPEN, "/docs/start.js", "/docs/{file}"} and method != "HEAD"
    }
    assert routes == set(ACCESS[service])


@pytest.mark.parametrize(("service", "method", "template"), ROWS)
def test_each_role_may_do_what_the_table_says_and_nothing_else(
    client_for: Client, service: str, method: str, template: str
) -> None:
    for role in Role:
        answer = client_for(service).request(method, address(template), headers=bearer(token(role)))
        allowed = role in ACCESS[service][method, template]
        assert (answer.status_code not in (401, 403)) == allowed, f"{role}: {answer.status_code}"
        if not allowed:
            assert answer.status_code == 403
            assert answer.headers["content-type"] == "application/problem+json"
            assert str(role) in answer.json()["detail"]
        assert answer.status_code < 500


def allowed_to(role: Role) -> set[tuple[str, str]]:
    return {(method, path) for service, method, path in ROWS if role in ACCESS[service][method, path]}


def test_the_table_says_what_the_design_says() -> None:
    webhook = {("POST", "/v1/webhooks/alertmanager")}
    everything = allowed_to(Role.ADMIN)
    assert everything == {(method, path) for _, method, path in ROWS} - webhook
    internal = {(method, path) for method, path in everything if path.startswith("/v1/event-log")}
    assert allowed_to(Role.ENGINEER) == everything - internal
    reads = {(method, path) for method, path in everything if method == "GET"} - internal
    assert allowed_to(Role.VIEWER) == reads
    works = {(method, path) for method, path in everything if path.startswith("/v1/incidents")}
    assert allowed_to(Role.OPERATOR) == allowed_to(Role.SAFETY) == reads | works
    plant = {(method, path) for method, path in ACCESS["factory-core"] if method == "GET"}
    assert allowed_to(Role.SERVICE) == plant
    assert allowed_to(Role.DEVICE) == {("POST", "/v1/factories/{factory_id}/readings")}
    assert allowed_to(Role.ALERTMANAGER) == webhook


@pytest.mark.parametrize(("service", "method", "template"), ROWS)
def test_without_a_token_everything_is_401(
    client_for: Client, service: str, method: str, template: str
) -> None:
    broken = {"content": b"{", "headers": {"Content-Type": "application/json"}}
    in_the_query = {"params": {"token": token(), "access_token": token()}}
    requests: list[dict[str, Any]] = [{}, broken, in_the_query]
    for request in requests:
        answer = client_for(service).request(method, address(template), **request)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="v-factory"'
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("service", SERVICES)
def test_without_a_token_nobody_learns_what_exists_under_v1(client_for: Client, service: str) -> None:
    for method, path in (("GET", "/v1"), ("GET", "/v1/"), ("GET", "/v1/nothing"), ("DELETE", "/v1/assets")):
        assert client_for(service).request(method, path).status_code == 401


@pytest.mark.parametrize("service", SERVICES)
def test_health_metrics_and_docs_are_open(client_for: Client, service: str) -> None:
    for path in OPEN:
        assert client_for(service).get(path).status_code == 200, path


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned() -> str:
    payload = token().split(".")[1]
    return f"{segment({'alg': 'none', 'typ': 'JWT'})}.{payload}."


def without_expiry() -> str:
    claims = jwt.decode(token(), options={"verify_signature": False})
    del claims["exp"]
    return jwt.encode(claims, AUTH_SECRET, algorithm="HS256")


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "expired": lambda: token(lifetime=timedelta(seconds=-60)),
    "wrong key": lambda: issue_token("another-secret-of-at-least-32-bytes", subject="kim", role=Role.ADMIN),
    "alg=none": unsigned,
    "wrong audience": lambda: token(audience="somebody"),
    "wrong issuer": lambda: token(issuer="somebody"),
    "no expiry": without_expiry,
    "no token at all": lambda: "x",
    "huge": lambda: "x" * 20_000,
    "changed": lambda: token()[:-3] + "abc",
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("fault", BAD_TOKENS)
def test_a_token_that_is_no_good_is_401(client_for: Client, service: str, fault: str) -> None:
    method, template = next(iter(ACCESS[service]))
    bad = BAD_TOKENS[fault]()
    answer = client_for(service).request(method, address(template), headers=bearer(bad))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="v-factory", error="invalid_token"')
    assert answer.headers["content-type"] == "application/problem+json"
    assert bad not in answer.text or len(bad) < 10


READING = {"source": "p-1", "metric": "x", "at": "2026-01-15T10:30:00Z", "value": 1.5}
READINGS: dict[str, Any] = {"batch_id": "one", "readings": [READING]}


@pytest.mark.parametrize(
    ("method", "path", "request_parts"),
    [
        ("GET", "", {}),
        ("GET", "/equipment", {}),
        ("POST", "/equipment", {"json": {"tag": "p-2", "name": "press", "kind": "press"}}),
        ("GET", "/readings", {"params": {"source": "p-1", "metric": "x"}}),
        ("POST", "/readings", {"json": READINGS}),
    ],
)
def test_a_token_for_one_factory_finds_no_other_that_exists(
    client_for: Client, method: str, path: str, request_parts: dict[str, Any]
) -> None:
    client = client_for("factory-core")
    created = client.post("/v1/factories", json={"name": f"Ulsan {uuid4()}"}, headers=bearer(token())).json()
    press = {"tag": "p-1", "name": "press", "kind": "press"}
    client.post(f"/v1/factories/{created['id']}/equipment", json=press, headers=bearer(token()))
    address = f"/v1/factories/{created['id']}{path}"

    def status(factory: str) -> int:
        headers = bearer(token(factories=[UUID(factory)]))
        return client.request(method, address, headers=headers, **request_parts).status_code

    assert status(str(uuid4())) == 404
    assert status(created["id"]) != 404


@pytest.mark.parametrize(
    ("service", "path"),
    [("incident-event", "/v1/rules"), ("incident-event", "/v1/incidents"), ("incident-event", "/v1/events"),
     ("asset-management", "/v1/assets")],
)  # fmt: skip
def test_a_list_of_another_factory_is_404(client_for: Client, service: str, path: str) -> None:
    client, factory = client_for(service), uuid4()

    def status(factories: list[UUID]) -> int:
        headers = bearer(token(Role.OPERATOR, factories=factories))
        with client.stream("GET", path, params={"factory": str(factory)}, headers=headers) as answer:
            return answer.status_code

    assert status([uuid4()]) == 404
    assert status([uuid4(), factory]) == 200


def test_the_access_log_says_who_asked_as_what_and_never_the_token(
    running: Callable[..., RunningProcess],
) -> None:
    process = running("asset-management")
    sent = token(Role.VIEWER)
    httpx.get(process.base_url + "/v1/assets", headers=bearer(sent))
    httpx.get(process.base_url + "/v1/assets", headers=bearer(sent[:-2] + "xx"))
    process.stop()
    lines = [json.loads(line) for line in process.lines]
    first, second = [line for line in lines if line.get("path") == "/v1/assets" or line.get("status") == 401]
    assert (first["sub"], first["role"]) == ("kim", "viewer")
    assert "sub" not in second
    assert not any(part in line for part in sent.split(".")[1:] for line in process.lines)
