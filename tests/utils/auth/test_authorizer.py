"""Who may call what: the header, the settings, the access table against the routes."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.types import Scope

from support.servers import AUTH_SECRET, RunningProcess
from support.servers.oidc_provider import (
    Provider,
    document,
    ec_jwk,
    rsa_jwk,
    rsa_key,
    signed_with_public_key,
    token,
)
from utils.auth import Issuer, Principal, Role, SharedSecret, TokenVerifier, issue_token
from utils.auth.authorizer import AccessTableError, Authorizer, bearer_token, create_verifier
from utils.errors import ForbiddenError, UnauthorizedError
from utils.http import RouteTable
from utils.settings import ServiceSettings, SettingsError

SECRET = "0123456789abcdef0123456789abcdef"
DATABASE_URL = "postgresql://user:password@127.0.0.1:1/db"
READERS = frozenset({Role.VIEWER})
WRITERS = frozenset({Role.ENGINEER})


def scope(*headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "headers": list(headers), "query_string": b"token=abc&access_token=abc"}


@pytest.mark.parametrize("value", [b"Bearer abc", b"bearer abc", b"BEARER abc", b"Bearer  abc "])
def test_the_token_follows_the_scheme_in_any_case(value: bytes) -> None:
    assert bearer_token(scope((b"authorization", value))) == "abc"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [b""],
        [b"abc"],
        [b"Bearer"],
        [b"Bearer "],
        [b"Basic YTpi"],
        [b"Bearer:abc"],
        [b"Bearer abc", b"Bearer abc"],
    ],
)
def test_without_one_bearer_header_there_is_a_challenge(headers: Iterable[bytes]) -> None:
    with pytest.raises(UnauthorizedError) as caught:
        bearer_token(scope(*((b"authorization", value) for value in headers)))
    assert caught.value.headers["WWW-Authenticate"].startswith('Bearer realm="v-factory"')


def settings(**values: Any) -> ServiceSettings:
    return ServiceSettings(**{"database_url": DATABASE_URL, **values})


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "AUTH_ISSUERS"),
        ({"auth_secret": "short"}, "AUTH_SECRET"),
        ({"auth_secret": SECRET, "auth_jwks_url": "http://127.0.0.1:1/keys"}, "AUTH_JWKS_URL"),
        ({"auth_jwks_url": "file:///etc/passwd"}, "AUTH_JWKS_URL"),
    ],
)
def test_settings_that_leave_open_how_tokens_are_verified_stop_the_start(
    values: dict[str, str], name: str
) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        create_verifier(settings(**values))
    assert "short" not in str(caught.value).replace("too short", "")


async def test_the_settings_secret_issuer_and_audience_are_used() -> None:
    verifier = create_verifier(settings(auth_secret=SECRET, auth_issuer="plant", auth_audience="floor"))
    good = issue_token(SECRET, subject="kim", role=Role.VIEWER, issuer="plant", audience="floor")
    assert (await verifier.verify(good)).subject == "kim"
    with pytest.raises(UnauthorizedError):
        await verifier.verify(issue_token(SECRET, subject="kim", role=Role.VIEWER))


async def one() -> None: ...


async def two() -> None: ...


def app_with(*routes: tuple[str, str, Callable[..., Any]]) -> FastAPI:
    """An app whose routes lie in nested routers, as the services' do."""
    inner, outer, app = APIRouter(), APIRouter(prefix="/v1"), FastAPI()
    for method, path, endpoint in routes:
        inner.add_api_route(path, endpoint, methods=[method])
    outer.include_router(inner)
    app.include_router(outer)
    return app


def authorizer(access: dict[tuple[str, str], frozenset[Role]]) -> Authorizer:
    issuer = Issuer("v-factory", "v-factory", SharedSecret(SECRET.encode()))
    return Authorizer(TokenVerifier([issuer]), access)


def test_a_route_without_a_row_stops_the_start() -> None:
    app = app_with(("GET", "/things/{id}", one))
    with pytest.raises(AccessTableError, match=r"GET /v1/things/\{id\}"):
        authorizer({}).bind(RouteTable(app).endpoints())


def test_a_row_without_a_route_stops_the_start() -> None:
    with pytest.raises(AccessTableError, match="POST"):
        authorizer({("POST", "/v1/gone"): READERS}).bind(RouteTable(app_with()).endpoints())


def test_an_endpoint_under_two_roles_stops_the_start() -> None:
    app = app_with(("GET", "/a", one), ("GET", "/b", one))
    with pytest.raises(AccessTableError, match="different roles"):
        authorizer({("GET", "/v1/a"): READERS, ("GET", "/v1/b"): WRITERS}).bind(RouteTable(app).endpoints())


def test_a_role_is_allowed_where_the_table_says_so_and_nowhere_else() -> None:
    bound = authorizer({("GET", "/v1/a"): READERS, ("POST", "/v1/a"): WRITERS})
    app = app_with(("GET", "/a", one), ("HEAD", "/a", one), ("POST", "/a", two))
    bound.bind(RouteTable(app).endpoints())
    viewer, engineer = Principal("v", Role.VIEWER, None), Principal("e", Role.ENGINEER, None)
    for method in ("GET", "HEAD"):
        bound.authorize(viewer, {"endpoint": one, "method": method})
        with pytest.raises(ForbiddenError, match="viewer"):
            bound.authorize(engineer, {"endpoint": one, "method": method})
    bound.authorize(engineer, {"endpoint": two, "method": "POST"})
    with pytest.raises(ForbiddenError):
        bound.authorize(viewer, {"endpoint": two, "method": "POST"})


def test_an_endpoint_that_was_never_bound_is_closed_to_everybody() -> None:
    bound = authorizer({})
    bound.bind(RouteTable(app_with()).endpoints())
    with pytest.raises(ForbiddenError, match="nobody"):
        bound.authorize(Principal("a", Role.ADMIN, None), {"endpoint": one, "method": "GET"})


async def test_a_service_of_a_provider_answers_503_until_the_keys_are_there_and_401_to_forgers(
    running: Callable[..., RunningProcess],
) -> None:
    provider = Provider(document(rsa_jwk("first"), ec_jwk("second")))
    await provider.start()
    port = int(provider.url.split(":")[2].split("/")[0])
    await provider.stop()
    service = running("asset-management", env={"AUTH_SECRET": "", "AUTH_JWKS_URL": provider.url})

    async def ask(sent: str) -> httpx.Response:
        address = f"{service.base_url}/v1/assets/{uuid4()}"
        return await client.get(address, headers={"Authorization": f"bearer {sent}"})

    async with httpx.AsyncClient(timeout=10) as client:
        answer = await ask(token("first"))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        await provider.start(port)
        await asyncio.sleep(1.1)  # the pause between two questions to the provider
        for algorithm, name in (("RS256", "first"), ("ES256", "second")):
            assert (await ask(token(name, algorithm=algorithm))).status_code == 404
        await provider.stop()
        assert (await ask(token("first"))).status_code == 404
        for forged in (
            signed_with_public_key("first"),
            issue_token(AUTH_SECRET, subject="kim", role=Role.ADMIN),
            token("first", key=rsa_key("stranger")),
        ):
            assert (await ask(forged)).status_code == 401
