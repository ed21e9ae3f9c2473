"""Settings come from the environment, and a wrong one is named, never shown."""

import os
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, SecretStr, ValidationError

from utils.settings import ServiceSettings, SettingsError

DSN = "postgresql://user:hunter2@db:5432/vfactory"
SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.lower() in ServiceSettings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATABASE_URL", DSN)
    return monkeypatch


def problems(**values: object) -> list[tuple[str, str]]:
    with pytest.raises(SettingsError) as caught:
        ServiceSettings(**values)
    assert "hunter2" not in str(caught.value)
    return caught.value.problems


def test_defaults_are_the_containers() -> None:
    settings = ServiceSettings()
    assert (settings.host, settings.port, settings.log_level) == ("0.0.0.0", 8000, "INFO")  # noqa: S104
    assert (settings.drain_seconds, settings.shutdown_seconds, settings.watchdog_seconds) == (5, 20, 60)
    assert (settings.auth_issuer, settings.auth_audience) == ("v-factory", "v-factory")
    assert settings.redis_url is None


def test_every_setting_is_read_from_its_variable(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PORT", "8001")
    environment.setenv("REDIS_URL", "rediss://:pw@cache:6380/1")
    environment.setenv("DRAIN_SECONDS", "0")
    settings = ServiceSettings()
    assert (settings.port, settings.drain_seconds) == (8001, 0)
    assert settings.redis_url == SecretStr("rediss://:pw@cache:6380/1")


def test_an_empty_variable_counts_as_unset(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PORT", "")
    environment.setenv("REDIS_URL", "")
    assert ServiceSettings().port == 8000
    assert ServiceSettings().redis_url is None


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        ServiceSettings().port = 1  # type: ignore[misc] # that is the point


def test_a_service_names_its_own_variables(environment: pytest.MonkeyPatch) -> None:
    class OwnSettings(ServiceSettings):
        limit: Annotated[int, Field(gt=0)] = Field(5, validation_alias="FACTORY_CORE_LIMIT")

    environment.setenv("FACTORY_CORE_LIMIT", "-1")
    with pytest.raises(SettingsError, match=r"^Invalid settings: FACTORY_CORE_LIMIT: .*greater than 0"):
        OwnSettings()
    environment.setenv("FACTORY_CORE_LIMIT", "7")
    assert OwnSettings().limit == 7
    assert OwnSettings(limit=8).limit == 8


def test_a_missing_variable_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DATABASE_URL")
    assert problems() == [("DATABASE_URL", "is required")]


@pytest.mark.parametrize(
    "url", ["hunter2", "mysql://user:hunter2@db/x", "postgresql:///x", "postgresql://db:hunter2/x", "://"]
)
def test_a_database_url_names_postgresql_and_a_host(environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("DATABASE_URL", url)
    assert problems() == [("DATABASE_URL", "must be a URL that begins with postgresql:// and names a host")]


def test_a_replicas_url_names_postgresql_and_a_host(environment: pytest.MonkeyPatch) -> None:
    assert ServiceSettings().database_read_url is None
    environment.setenv("DATABASE_READ_URL", "mysql://user:hunter2@db/x")
    said = "must be a URL that begins with postgresql:// and names a host"
    assert problems() == [("DATABASE_READ_URL", said)]


def test_a_redis_url_names_redis_and_a_host() -> None:
    assert problems(redis_url="http://:hunter2@cache") == [
        ("REDIS_URL", "must be a URL that begins with redis:// and names a host")
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("PORT", "eighty"),
        ("DRAIN_SECONDS", "-1"),
        ("DRAIN_SECONDS", "nan"),
        ("SHUTDOWN_SECONDS", "0"),
        ("SHUTDOWN_SECONDS", "inf"),
        ("WATCHDOG_SECONDS", "0"),
        ("DATABASE_POOL_SIZE", "0"),
        ("DATABASE_READ_MAX_LAG_SECONDS", "0"),
        ("DATABASE_READ_MAX_LAG_SECONDS", "-1"),
        ("DATABASE_READ_MAX_LAG_SECONDS", "nan"),
        ("DATABASE_READ_MAX_LAG_SECONDS", "a while"),
        ("SERVICE_NAME", "Factory Core"),
        ("AUTH_JWKS_URL", "ftp://keys"),
    ],
)
def test_a_value_out_of_range_is_named(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    [(named, allowed)] = problems()
    assert named == name
    assert allowed


def test_all_wrong_variables_are_named_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PORT", "x")
    environment.setenv("DRAIN_SECONDS", "x")
    assert {name for name, _ in problems()} == {"PORT", "DRAIN_SECONDS"}


def test_a_short_secret_is_refused() -> None:
    assert problems(auth_secret="hunter2") == [("AUTH_SECRET", "must be at least 32 bytes long (RFC 7518)")]
    assert ServiceSettings(auth_secret=SECRET).auth_secret == SecretStr(SECRET)


@pytest.mark.parametrize(
    ("name", "value"),
    [("database_url", DSN), ("redis_url", "redis://:hunter2@cache/0"), ("auth_secret", SECRET)],
)
def test_a_secret_can_be_a_mounted_file(
    environment: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(value + "\n")
    environment.delenv("DATABASE_URL")
    if name != "database_url":
        environment.setenv("DATABASE_URL", DSN)
    environment.setenv(f"{name.upper()}_FILE", str(file))
    assert getattr(ServiceSettings(), name) == SecretStr(value)


def test_a_missing_file_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AUTH_SECRET_FILE", "/nonexistent")
    assert problems() == [("AUTH_SECRET_FILE", "the file cannot be read: No such file or directory")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"\n", "the file is empty"), (b"\xff", "the file cannot be read: not UTF-8 text")],
)
def test_a_useless_file_is_named(
    environment: pytest.MonkeyPatch, tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    environment.setenv("AUTH_SECRET_FILE", str(file))
    assert problems() == [("AUTH_SECRET_FILE", problem)]


def test_a_short_secret_in_a_file_is_refused_like_any_other(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2")
    environment.setenv("AUTH_SECRET_FILE", str(file))
    assert problems() == [("AUTH_SECRET", "must be at least 32 bytes long (RFC 7518)")]


def test_a_secret_and_its_file_exclude_each_other(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("DATABASE_URL_FILE", str(tmp_path / "secret"))
    assert problems() == [("DATABASE_URL", "set either DATABASE_URL or DATABASE_URL_FILE, not both")]


@pytest.mark.parametrize(("text", "level"), [("debug", "DEBUG"), (" ERROR ", "ERROR"), ("loud", "INFO")])
def test_a_log_level_is_never_a_reason_not_to_start(
    environment: pytest.MonkeyPatch, text: str, level: str
) -> None:
    environment.setenv("LOG_LEVEL", text)
    assert ServiceSettings().log_level == level


def test_secrets_are_not_shown() -> None:
    settings = ServiceSettings(redis_url="redis://:hunter2@cache/0", auth_secret=SECRET)
    assert "hunter2" not in repr(settings)
    assert SECRET not in str(settings)
