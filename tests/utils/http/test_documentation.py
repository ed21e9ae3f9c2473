"""The documentation for browsers, which must work in a plant without the Internet."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from utils.http import build_app
from utils.settings import ServiceSettings


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    settings = ServiceSettings(service_name="kit", database_url="postgresql://u:p@127.0.0.1:1/d")
    app = build_app(settings, title="Kit", description="")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://kit") as client:
        yield client


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_a_page_needs_nothing_from_another_host(client: httpx.AsyncClient, page: str) -> None:
    answer = await client.get(page)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))

    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == (
        "'none'",
        "'self'",
        "'self'",
    )
    assert ("'unsafe-inline'" in policy["style-src"]) == (page == "/redoc")
    assert "://" not in answer.text
    assert "<script>" not in answer.text
    links = re.findall(r'(?:src|href|spec-url)="([^"]+)"', answer.text)
    assert len(links) >= 3
    for link in links:
        linked = await client.get(f"/{link}")
        assert linked.status_code == 200, link
        assert len(linked.content) > 100


async def test_swagger_ui_reads_the_document_and_asks_no_validator(client: httpx.AsyncClient) -> None:
    start = (await client.get("/docs/start.js")).text
    assert 'url: "openapi.json"' in start
    assert "validatorUrl: null" in start
    assert (await client.get("/openapi.json")).json()["openapi"].startswith("3.1")


@pytest.mark.parametrize("name", ["core.py", "..%2Fcore.py", "swagger-ui.css.map", ".."])
async def test_no_other_file_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/docs/{name}")).status_code == 404
