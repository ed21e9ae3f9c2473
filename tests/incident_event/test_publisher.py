"""The token that Incident Event's worker shows Factory Core."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from incident_event.publisher import ServiceToken
from incident_event.settings import IncidentEventSettings
from utils.auth import Issuer, Role, SharedSecret, SigningKey, TokenVerifier
from utils.auth.key_file import KeyFile
from utils.settings import SettingsError

SECRET = "0123456789abcdef0123456789abcdef"
START = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
KEY = SigningKey.generate()


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def settings(**values: Any) -> IncidentEventSettings:
    return IncidentEventSettings(database_url="postgresql://u:p@h/d", redis_url="redis://h", **values)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    (tmp_path / "public.pem").write_text(KEY.public_pem)
    (tmp_path / "private.pem").write_text(KEY.pem)
    return tmp_path / "private.pem"


async def test_its_own_key_signs_as_a_service_and_no_more(key_file: Path) -> None:
    trusted = Issuer(
        "incident-event-worker",
        "v-factory",
        KeyFile(key_file.with_name("public.pem")),
        frozenset({Role.SERVICE}),
    )
    clock = Clock()
    sent = ServiceToken(settings(service_key_file=key_file, auth_secret=SECRET), clock).get()
    principal = await TokenVerifier([trusted], now=clock).verify(sent)
    assert (principal.subject, principal.role) == ("incident-event-worker", Role.SERVICE)


async def test_with_the_shared_secret_it_is_a_service_too() -> None:
    clock = Clock()
    trusted = Issuer("plant", "v-factory", SharedSecret(SECRET.encode()))
    sent = ServiceToken(settings(auth_secret=SECRET, auth_issuer="plant"), clock).get()
    assert (await TokenVerifier([trusted], now=clock).verify(sent)).role is Role.SERVICE


def test_a_signed_token_is_renewed_a_minute_before_it_ends(key_file: Path) -> None:
    clock = Clock()
    token = ServiceToken(settings(service_key_file=key_file), clock)
    first = token.get()
    clock.now += timedelta(minutes=3, seconds=59)
    assert token.get() == first
    clock.now += timedelta(seconds=1)
    assert jwt.decode(token.get(), options={"verify_signature": False})["iat"] == clock.now.timestamp()


def test_a_token_of_a_provider_is_read_at_each_use(tmp_path: Path, key_file: Path) -> None:
    file = tmp_path / "token"
    token = ServiceToken(settings(service_token_file=file, service_key_file=key_file), Clock())
    for text in ("one", "two"):
        file.write_text(text + "\n")
        assert token.get() == text


@pytest.mark.parametrize("content", [None, "", "hunter2"])
def test_a_key_that_cannot_sign_stops_the_start_by_name(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match="INCIDENT_EVENT_SERVICE_KEY_FILE") as caught:
        ServiceToken(settings(service_key_file=file), Clock())
    assert "hunter2" not in str(caught.value)


def test_with_nothing_to_show_the_start_is_stopped() -> None:
    with pytest.raises(SettingsError, match="INCIDENT_EVENT_SERVICE_TOKEN_FILE"):
        ServiceToken(settings(), Clock())
