"""A stand-alone library that runs PostgreSQL and Valkey within a program, and starts and ends processes."""

from embedded.errors import (
    AccessError,
    AddressError,
    DamagedDataError,
    DiskFullError,
    EmbeddedError,
    NotInstalledError,
    PortForbiddenError,
    PortTakenError,
    ServerFailedError,
    StatementError,
    UnusablePathError,
)
from embedded.folders import (
    file_error,
    make_folder,
    make_private_folder,
    read_private_file,
    require_own_folder,
    require_private_file,
    write_private_file,
)
from embedded.ports import free_port, free_ports, is_port_free, port_holder
from embedded.postgres import PostgresServer, postgres_binary
from embedded.processes import Program, end_processes, find_processes, is_alive, launch
from embedded.server import Server
from embedded.valkey import ValkeyServer

__all__ = [
    "AccessError",
    "AddressError",
    "DamagedDataError",
    "DiskFullError",
    "EmbeddedError",
    "NotInstalledError",
    "PortForbiddenError",
    "PortTakenError",
    "PostgresServer",
    "Program",
    "Server",
    "ServerFailedError",
    "StatementError",
    "UnusablePathError",
    "ValkeyServer",
    "end_processes",
    "file_error",
    "find_processes",
    "free_port",
    "free_ports",
    "is_alive",
    "is_port_free",
    "launch",
    "make_folder",
    "make_private_folder",
    "port_holder",
    "postgres_binary",
    "read_private_file",
    "require_own_folder",
    "require_private_file",
    "write_private_file",
]
