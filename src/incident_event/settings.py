"""Incident Event's own settings, read from variables that begin with INCIDENT_EVENT_."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from utils.settings import PositiveSeconds, ServiceSettings


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
