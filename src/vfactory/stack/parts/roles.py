"""The roles of the embedded PostgreSQL: each service works under one of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from embedded import PostgresServer
from vfactory.stack.configuration import DATABASE
from vfactory.stack.parts.services import SERVICES
from vfactory.stack.state import keep_secret

EXPORTER: Final = "postgres-exporter"
"""Its role may read the server's figures, and no table."""

_SCRIPT: Final = Path(__file__).with_name("roles.sql")
_NAMES: Final = (*(service.name for service in SERVICES), EXPORTER)


def give_roles(server: PostgresServer, home: Path) -> Mapping[str, str]:
    """Give every part its role in the running server's database; return their addresses, by part.

    Schemas and tables that another role owns, in data of an earlier release, become the service's.

    Raises:
        EmbeddedError: the server refuses it, or a password's file cannot be read or written.
    """
    passwords = {name: keep_secret(home, f"postgres-{name}").value for name in _NAMES}
    variables = {f"{_role(name).upper()}_DATABASE_PASSWORD": password for name, password in passwords.items()}
    server.run_script(_SCRIPT, database=DATABASE, variables=variables)
    return {name: server.url(DATABASE, role=(_role(name), password)) for name, password in passwords.items()}


def share_role(url: str) -> Mapping[str, str]:
    """Return the same address for every part: of a database that is not ours to make roles in."""
    return dict.fromkeys(_NAMES, url)


def _role(name: str) -> str:
    return name.replace("-", "_")
