"""The settings and variables that a service runs with in tests, nothing of this machine's own."""

import importlib
import json
import os
from pathlib import Path
from typing import Any

from utils.settings import ServiceSettings

AUTH_SECRET = "a-secret-for-tests-of-at-least-32-bytes"
# Tests sign with the secret; a process that has nothing else would begin with a warning about it.
AUTH_ISSUERS = json.dumps(
    [{"issuer": "nobody", "roles": ["viewer"], "keys_file": str(Path(__file__).with_name("issuer.pem"))}]
)
# The kit's own tests stand on this: outbox and consumer tables, nothing of any service.
KIT = "kit"


def package(service: str) -> str:
    """Name the import package, and the schema, of a service."""
    return service.replace("-", "_")


def environment(service: str, database_url: str, redis_url: str, **more: str) -> dict[str, str]:
    """Give the variables a process of the service runs with, nothing of this machine's own."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV") if name in os.environ
    }
    return {
        **kept,
        "PYTHONWARNINGS": "default",
        "SERVICE_NAME": service,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "AUTH_ISSUERS": AUTH_ISSUERS,
        "AUTH_SECRET": AUTH_SECRET,
        "DRAIN_SECONDS": "0",
        **more,
    }


def settings_class(service: str) -> type[ServiceSettings]:
    """Find the service's own settings class; the shared one for the kit."""
    if service == KIT:
        return ServiceSettings
    module = importlib.import_module(f"{package(service)}.settings")
    found = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, ServiceSettings) and kind is not ServiceSettings
    ]
    return found[0] if found else ServiceSettings


def make_settings(service: str, database_url: str, redis_url: str, **more: Any) -> ServiceSettings:
    """Build a service's settings without looking at the environment of the test run."""
    values = {
        "service_name": service,
        "database_url": database_url,
        "redis_url": redis_url,
        "auth_issuers": AUTH_ISSUERS,
        "auth_secret": AUTH_SECRET,
        "drain_seconds": 0,
        **more,
    }
    return settings_class(service)(**values)
