"""The parts of the stack: servers, services and their schemas, and how each is started and stopped."""

from vfactory.stack.parts.jobs import migration_jobs, server_job, service_jobs
from vfactory.stack.parts.roles import EXPORTER, give_roles, share_role
from vfactory.stack.parts.schemas import find_outdated
from vfactory.stack.parts.servers import postgres_server, valkey_server
from vfactory.stack.parts.services import SERVICES, SHARED_VARIABLES, Surroundings

__all__ = [
    "EXPORTER",
    "SERVICES",
    "SHARED_VARIABLES",
    "Surroundings",
    "find_outdated",
    "give_roles",
    "migration_jobs",
    "postgres_server",
    "server_job",
    "service_jobs",
    "share_role",
    "valkey_server",
]
