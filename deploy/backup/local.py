"""Runs a command on the local stack's database: `python -P deploy/backup/local.py COMMAND ARGUMENT…`.

PostgreSQL's programs are on the command's PATH and libpq's variables are set. V-Factory need not run: the
embedded server is then started for as long as the command takes, with an empty database where there was none.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded import PostgresServer, is_port_free, postgres_binary
from vfactory.stack.configuration import DATABASE, PORTS, POSTGRES, Configuration, port_variable
from vfactory.stack.errors import REFUSALS
from vfactory.stack.parts import give_roles, postgres_server
from vfactory.stack.state import state_directory


def main() -> int:
    """Run the command and give its exit code."""
    command = sys.argv[1:]
    if not command or command[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if command else 64
    try:
        with running(server()) as postgres:
            return subprocess.run(command, env=environment(postgres), check=False).returncode
    except (*REFUSALS, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def server() -> PostgresServer:
    """The local stack's PostgreSQL, by the variables `vfactory up` knows."""
    given = os.environ.get("VFACTORY_DATA_DIR")
    port = int(os.environ.get(port_variable(POSTGRES), PORTS[POSTGRES]))
    configuration = Configuration(
        home=state_directory(),
        ports={**PORTS, POSTGRES: port},
        monitoring=False,
        data_folder=Path(given).absolute() if given else None,
    )
    return postgres_server(configuration)


@contextmanager
def running(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """Use the server that runs, or run it meanwhile."""
    if not is_port_free(postgres.port):
        yield postgres
        return
    with postgres:
        postgres.create_database(DATABASE)
        give_roles(postgres, state_directory())  # a backup names them as owners
        yield postgres


def environment(postgres: PostgresServer) -> dict[str, str]:
    """Variables for libpq, and PATH with PostgreSQL's programs first."""
    return {
        **os.environ,
        "PATH": os.pathsep.join((str(postgres_binary("psql").parent), os.environ.get("PATH", os.defpath))),
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "PGUSER": postgres.user,
        "PGPASSWORD": postgres.password,
        "PGDATABASE": DATABASE,
    }


if __name__ == "__main__":
    sys.exit(main())
