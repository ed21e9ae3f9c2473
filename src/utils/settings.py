"""Settings, read from a process's environment and checked before anything else."""

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from utils.logging.levels import parse_level

MINIMUM_SECRET_BYTES: Final = 32  # RFC 7518 section 3.2: an HS256 key is at least as long as its hash

# What may be read from a mounted file.
MOUNTED: Final = (
    "database_url",
    "database_read_url",
    "redis_url",
    "stream_key",
    "auth_issuers",
    "auth_secret",
)
_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")

Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class SettingsError(Exception):
    """One or more settings are missing or invalid; the text names each variable, never its value."""

    exit_code: ClassVar[int] = 78  # EX_CONFIG of sysexits.h

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("Invalid settings: " + "; ".join(f"{name}: {text}" for name, text in problems))


class EnvironmentSettings(BaseSettings):
    """Settings read from the environment; an empty variable counts as unset.

    Raises:
        SettingsError: on creation, naming every variable that is missing or invalid.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError([_explain(type(self), detail) for detail in error.errors()]) from None


class ServiceSettings(EnvironmentSettings):
    """The settings that all services share; a service's subclass adds its own, with a prefix.

    Each of `MOUNTED` may be read from a mounted file instead: its path is the value of the variable with the
    suffix `_FILE`.
    """

    service_name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] = "v-factory"
    host: str = "0.0.0.0"  # noqa: S104 - a container listens on its pod's network; the local stack sets HOST
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    log_level: str = "INFO"

    database_url: SecretStr
    database_url_file: Path | None = None
    database_read_url: SecretStr | None = None
    """One or more streaming replicas behind one address, for reads of history; None without a replica."""
    database_read_url_file: Path | None = None
    database_read_max_lag_seconds: Annotated[float, Field(ge=0.1, le=3600, allow_inf_nan=False)] = 2
    """How old an answer from a replica may be; while a replica is further behind, the primary answers."""
    redis_url: SecretStr | None = None
    redis_url_file: Path | None = None
    stream_key: SecretStr | None = None
    """Seals entries of streams, so that readers know what the publisher wrote; the same in all services."""
    stream_key_file: Path | None = None

    auth_issuers: str | None = None
    """The issuers whose tokens are accepted: a JSON list, read by `utils.auth`."""
    auth_issuers_file: Path | None = None
    auth_secret: SecretStr | None = None
    auth_secret_file: Path | None = None
    auth_jwks_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    auth_issuer: str = "v-factory"
    auth_audience: str = "v-factory"

    cors_origins: str = ""
    """The origins whose pages may call the API, separated by commas; none by default."""

    drain_seconds: Seconds = 5
    shutdown_seconds: PositiveSeconds = 20
    watchdog_seconds: PositiveSeconds = 60
    forwarded_allow_ips: str | None = None

    max_connections: Annotated[int, Field(ge=16, le=1_000_000)] = 4096
    """How many connections clients may hold open; fewer if the hard limit on open files is lower."""
    max_received_bytes: Annotated[int, Field(ge=1024 * 1024, le=64 * 1024**3)] = 64 * 1024 * 1024
    """How many bytes of requests may be held in memory; beyond it large bodies are answered 503."""
    max_streams_bytes: Annotated[int, Field(ge=1024 * 1024, le=64 * 1024**4)] = 128 * 1024 * 1024
    """How many bytes the streams of one service may take in Redis; beyond it the largest are trimmed."""

    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    database_command_timeout_seconds: PositiveSeconds = 8

    def __init__(self, **values: Any) -> None:  # repeated, so that type checkers accept any setting
        super().__init__(**values)

    @model_validator(mode="before")
    @classmethod
    def _read_mounted_secrets(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name in MOUNTED:
                _read_mounted_secret(values, name)
        return values

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The origins whose pages may call the API."""
        return tuple(word.strip() for word in self.cors_origins.split(",") if word.strip())

    @field_validator("cors_origins")
    @classmethod
    def _exact_origins(cls, value: str) -> str:
        for word in value.split(","):
            if word.strip() and not _ORIGIN.fullmatch(word.strip()):
                raise ValueError(
                    "must list origins exactly, such as https://console.example:8443, separated by commas; "
                    "no path, no *"
                )
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _known_level(cls, value: object) -> str:
        return parse_level(str(value)) or "INFO"

    @field_validator("database_url", "database_read_url")
    @classmethod
    def _postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _require_url(value, "postgresql", "postgres")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _require_url(value, "redis", "rediss")
        return value

    @property
    def sealing_key(self) -> SecretStr | None:
        """The key of streams' seals: `STREAM_KEY`, else `AUTH_SECRET`; None without both."""
        return self.stream_key or self.auth_secret

    @field_validator("stream_key", "auth_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < MINIMUM_SECRET_BYTES:
            raise ValueError(f"must be at least {MINIMUM_SECRET_BYTES} bytes long (RFC 7518)")
        return value


def _read_mounted_secret(values: dict[str, Any], name: str) -> None:
    file = values.get(f"{name}_file")
    if file is None:
        return
    if values.get(name) is not None:
        raise ValueError(f"{name.upper()}: set either {name.upper()} or {name.upper()}_FILE, not both")
    try:
        text = Path(str(file).strip()).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ValueError(f"{name.upper()}_FILE: the file cannot be read: {reason}") from None
    if not text:
        raise ValueError(f"{name.upper()}_FILE: the file is empty")
    values[name] = text


def is_url(text: str, *schemes: str) -> bool:
    """Return whether a text is a URL that begins with one of the schemes and names a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _require_url(secret: SecretStr, *schemes: str) -> None:
    if not is_url(secret.get_secret_value(), *schemes):
        raise ValueError(f"must be a URL that begins with {schemes[0]}:// and names a host")


def _explain(settings: type[BaseSettings], detail: ErrorDetails) -> tuple[str, str]:
    text = re.sub(r"^Value error, ", "", detail["msg"])
    if not detail["loc"]:  # from the model itself: the text begins with the variable's name
        name, _, text = text.partition(": ")
        return name, text
    return _variable(settings, str(detail["loc"][0])), "is required" if detail["type"] == "missing" else text


def _variable(settings: type[BaseSettings], location: str) -> str:
    field = settings.model_fields.get(location)
    alias = field.validation_alias if field is not None else None
    return str(alias or location).upper()
