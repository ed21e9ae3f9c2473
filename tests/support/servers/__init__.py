"""Real servers and processes for tests, and every way to hurt them."""

from support.servers.databases import ServiceDatabases, Templates, migrate
from support.servers.environment import AUTH_SECRET, KIT, environment, make_settings, package
from support.servers.hurt import PASSWORD
from support.servers.postgres import Postgres, Replica
from support.servers.process import RunningProcess
from support.servers.valkey import Valkey

__all__ = [
    "AUTH_SECRET",
    "KIT",
    "PASSWORD",
    "Postgres",
    "Replica",
    "RunningProcess",
    "ServiceDatabases",
    "Templates",
    "Valkey",
    "environment",
    "make_settings",
    "migrate",
    "package",
]
