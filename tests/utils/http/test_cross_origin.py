"""Pages of other origins: none may call the API unless it is listed exactly."""

import httpx
import pytest

from utils.http import build_app
from utils.settings import ServiceSettings, SettingsError

CONSOLE = "https://console.example:8443"
DATABASE = "postgresql://u:p@127.0.0.1:1/d"
QUESTION = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def client_of(origins: str) -> httpx.AsyncClient:
    settings = ServiceSettings(
        service_name="kit", database_url=DATABASE, cors_origins=origins, auth_secret="x" * 32
    )
    app = build_app(settings, title="Kit", description="", access={})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://kit")


def allowed(answer: httpx.Response) -> dict[str, str]:
    return {name: text for name, text in answer.headers.items() if name.startswith("access-control-")}


async def test_without_the_setting_no_origin_is_allowed() -> None:
    async with client_of("") as client:
        asked = await client.options("/v1/things", headers={"Origin": CONSOLE, **QUESTION})
        assert (asked.status_code, allowed(asked)) == (401, {})
        assert allowed(await client.get("/health/live", headers={"Origin": CONSOLE})) == {}


async def test_a_listed_origin_may_ask_without_a_token_and_reads_answers() -> None:
    async with client_of(f"https://other.example, {CONSOLE}") as client:
        asked = await client.options("/v1/things", headers={"Origin": CONSOLE, **QUESTION})
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == CONSOLE
        assert "POST" in asked.headers["access-control-allow-methods"]
        assert "access-control-allow-credentials" not in asked.headers
        refused = await client.get("/v1/things", headers={"Origin": CONSOLE})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, CONSOLE)
        assert "X-Request-ID" in refused.headers["access-control-expose-headers"]
        assert refused.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin", ["https://console.example", "https://console.example:8443.evil.example", "null", "http://x"]
)
async def test_every_other_origin_is_refused(origin: str) -> None:
    async with client_of(CONSOLE) as client:
        asked = await client.options("/v1/things", headers={"Origin": origin, **QUESTION})
        assert asked.status_code == 400
        assert "access-control-allow-origin" not in asked.headers
        answer = await client.get("/health/live", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "origins",
    ["*", "https://*.example", "null", "console.example", "https://a.example/", f"{CONSOLE} https://b"],
)
def test_an_origin_that_is_not_exact_stops_the_start(origins: str) -> None:
    with pytest.raises(SettingsError, match=r"CORS_ORIGINS: must list origins exactly"):
        ServiceSettings(service_name="kit", database_url=DATABASE, cors_origins=origins)
