"""The guide's chapter 헬스체크 엔드포인트, statement by statement."""

import json
import re
import time
from collections.abc import Callable

import httpx
import pytest

from embedded import free_port
from support.servers import RunningProcess, Valkey
from utils.settings import ServiceSettings

Start = Callable[..., RunningProcess]
Services = Callable[[str], RunningProcess]
CACHED_SECONDS = 1.1
WITH_REDIS = ("factory-core", "incident-event")


def get_health(running: RunningProcess) -> httpx.Response:
    return httpx.get(f"{running.base_url}/health", timeout=5)


def test_every_backend_service_provides_health(services: Services, each_service: str) -> None:
    assert get_health(services(each_service)).status_code == 200


def test_services_listen_on_port_8000() -> None:
    assert ServiceSettings.model_fields["port"].default == 8000


@pytest.mark.parametrize("service_name", WITH_REDIS)
def test_the_healthy_answer_is_the_guides_example(services: Services, service_name: str) -> None:
    answer = get_health(services(service_name))

    assert list(json.loads(answer.text)) == ["status", "timestamp", "database", "redis"]
    body = answer.json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body.pop("timestamp"))
    assert body == {"status": "healthy", "database": "connected", "redis": "connected"}


def test_asset_management_speaks_of_its_database_only(services: Services) -> None:
    answer = get_health(services("asset-management"))

    assert list(answer.json()) == ["status", "timestamp", "database"]
    assert answer.json()["database"] == "connected"


@pytest.mark.parametrize("service_name", WITH_REDIS)
def test_the_unhealthy_answer_is_the_guides_example_with_503(
    running: Start, valkey: Valkey, service_name: str
) -> None:
    nobody_listens = f"postgresql://vfactory:secret@127.0.0.1:{free_port()}/vfactory"
    service = running(service_name, env={"DATABASE_URL": nobody_listens})
    valkey.pause()
    try:
        time.sleep(CACHED_SECONDS)
        answer = get_health(service)
    finally:
        valkey.resume()

    assert answer.status_code == 503
    keys = ["status", "timestamp", "database", "database_error", "redis", "redis_error"]
    assert list(answer.json()) == keys
    body = answer.json()
    del body["timestamp"]
    assert body == {
        "status": "unhealthy",
        "database": "disconnected",
        "database_error": "Connection refused",
        "redis": "disconnected",
        "redis_error": "Connection timeout",
    }


def test_asset_management_is_unhealthy_without_its_database(running: Start) -> None:
    nobody_listens = f"postgresql://vfactory:secret@127.0.0.1:{free_port()}/vfactory"
    answer = get_health(running("asset-management", env={"DATABASE_URL": nobody_listens}))

    assert answer.status_code == 503
    assert list(answer.json()) == ["status", "timestamp", "database", "database_error"]
    assert answer.json()["database_error"] == "Connection refused"
