"""Incident Event's own settings, read from variables that begin with INCIDENT_EVENT_."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from utils.settings import PositiveSeconds, ServiceSettings


class IncidentEventSettings(ServiceSettings):
    """What Incident Event can be told beyond what all services share."""

    redis_url: SecretStr

    factory_core_url: Annotated[
        str, Field(pattern=r"^https?://[^\s]+$", validation_alias="INCIDENT_EVENT_FACTORY_CORE_URL")
    ] = "http://factory-core-service:8000"
    """Where the worker fetches readings the stream has lost."""

    service_token_file: Annotated[
        Path | None, Field(validation_alias="INCIDENT_EVENT_SERVICE_TOKEN_FILE")
    ] = None
    """A file with the worker's token for Factory Core, read at each use; without it AUTH_SECRET signs one."""

    heartbeat_seconds: Annotated[
        PositiveSeconds, Field(validation_alias="INCIDENT_EVENT_HEARTBEAT_SECONDS")
    ] = 15
    """How often an event stream on which nothing happens says that it lives."""

    slow_client_seconds: Annotated[
        PositiveSeconds, Field(validation_alias="INCIDENT_EVENT_SLOW_CLIENT_SECONDS")
    ] = 10
    """How long a client may leave what was sent to it unread before its stream is cut."""

    max_rules_per_factory: Annotated[
        int, Field(ge=1, le=100_000, validation_alias="INCIDENT_EVENT_MAX_RULES_PER_FACTORY")
    ] = 2_000
    """How many rules one factory may have; each may cost the worker 64 KiB."""
