"""Real servers and processes for tests, and every way to hurt them."""

from support.servers.databases import EVERY, ServiceDatabases, Templates, migrate, migrate_to
from support.servers.environment import AUTH_SECRET, KIT, environment, make_settings, package
from support.servers.hurt import PASSWORD
from support.servers.once import made_once
from support.servers.postgres import Postgres, Replica
from support.servers.process import RunningProcess, stop_all
from support.servers.valkey import Valkey

__all__ = [
    "AUTH_SECRET",
    "EVERY",
    "KIT",
    "PASSWORD",
    "Postgres",
    "Replica",
    "RunningProcess",
    "ServiceDatabases",
    "Templates",
    "Valkey",
    "environment",
    "made_once",
    "make_settings",
    "migrate",
    "migrate_to",
    "package",
    "stop_all",
]
