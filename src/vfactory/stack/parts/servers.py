"""The stack's embedded servers, with the folder, port, log and password of each."""

from embedded import PostgresServer, ValkeyServer
from vfactory.stack.configuration import DATABASE_USER, POSTGRES, VALKEY, Configuration
from vfactory.stack.logs import log_path
from vfactory.stack.state import keep_secret


def postgres_server(configuration: Configuration) -> PostgresServer:
    """Return the embedded PostgreSQL; if its password is new, it is also set in an existing database."""
    directory = configuration.data / POSTGRES

    def server(password: str) -> PostgresServer:
        log = log_path(configuration.logs, POSTGRES)
        return PostgresServer(
            directory,
            port=configuration.ports[POSTGRES],
            password=password,
            user=DATABASE_USER,
            log_file=log,
        )

    def teach(password: str) -> None:
        if server(password).is_made():
            server(password).reset_password()

    return server(keep_secret(configuration.home, POSTGRES, before=teach).value)


def valkey_server(configuration: Configuration) -> ValkeyServer:
    """Return the embedded Valkey with its password."""
    return ValkeyServer(
        configuration.data / VALKEY,
        port=configuration.ports[VALKEY],
        password=keep_secret(configuration.home, VALKEY).value,
        log_file=log_path(configuration.logs, VALKEY),
    )
