"""Incident Event's own settings, read from variables that begin with INCIDENT_EVENT_."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from utils.settings import PositiveSeconds, ServiceSettings, is_url


class IncidentEventSettings(ServiceSettings):
    """Incident Event's settings, beside those that all services share."""

    redis_url: SecretStr

    factory_core_url: Annotated[
        str, Field(pattern=r"^https?://[^\s]+$", validation_alias="INCIDENT_EVENT_FACTORY_CORE_URL")
    ] = "http://factory-core-service:8000"
    """The URL from which the worker fetches readings that the stream has lost."""

    service_token_file: Annotated[
        Path | None, Field(validation_alias="INCIDENT_EVENT_SERVICE_TOKEN_FILE")
    ] = None
    """The file of the worker's token for Factory Core, of the role `service`; read at each use."""

    service_key_file: Annotated[Path | None, Field(validation_alias="INCIDENT_EVENT_SERVICE_KEY_FILE")] = None
    """The private key with which the worker signs such tokens itself; Factory Core has its public half."""

    service_issuer: Annotated[
        str, Field(min_length=1, max_length=200, validation_alias="INCIDENT_EVENT_SERVICE_ISSUER")
    ] = "incident-event-worker"
    """The issuer of the tokens that the worker signs with its own key."""

    heartbeat_seconds: Annotated[
        PositiveSeconds, Field(validation_alias="INCIDENT_EVENT_HEARTBEAT_SECONDS")
    ] = 15
    """How often an event stream without events sends a heartbeat."""

    slow_client_seconds: Annotated[
        PositiveSeconds, Field(validation_alias="INCIDENT_EVENT_SLOW_CLIENT_SECONDS")
    ] = 10
    """How long a client may leave sent data unread before its stream is cut."""

    max_rules_per_factory: Annotated[
        int, Field(ge=1, le=100_000, validation_alias="INCIDENT_EVENT_MAX_RULES_PER_FACTORY")
    ] = 2_000
    """How many rules one factory may have; each may take 64 KiB of the worker's memory."""

    alertmanager_urls: Annotated[
        SecretStr | None, Field(validation_alias="INCIDENT_EVENT_ALERTMANAGER_URLS")
    ] = None
    """The URL of each Alertmanager, separated by commas; without it, nothing is compared with its list."""

    alertmanager_token_file: Annotated[
        Path | None, Field(validation_alias="INCIDENT_EVENT_ALERTMANAGER_TOKEN_FILE")
    ] = None
    """The file of a bearer token for Alertmanager, read at each use."""

    alertmanager_receiver: Annotated[
        str, Field(min_length=1, validation_alias="INCIDENT_EVENT_ALERTMANAGER_RECEIVER")
    ] = "incident-event"
    """Alertmanager's name for the webhook that leads here."""

    alertmanager_reconcile_seconds: Annotated[
        PositiveSeconds, Field(validation_alias="INCIDENT_EVENT_ALERTMANAGER_RECONCILE_SECONDS")
    ] = 60
    """How often its list is compared with the incidents; a difference counts once it has stood so long."""

    @field_validator("alertmanager_urls")
    @classmethod
    def _urls(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not all(is_url(url, "http", "https") for url in _split(value)):
            raise ValueError("must be http:// or https:// URLs, separated by commas")
        return value

    def alertmanagers(self) -> Sequence[str]:
        """Return the URL of each Alertmanager, none where none is set."""
        return [] if self.alertmanager_urls is None else _split(self.alertmanager_urls)


def _split(urls: SecretStr) -> Sequence[str]:
    return [url.strip() for url in urls.get_secret_value().split(",")]
