"""Writes the next migration of a service: what its rows have that its migrations do not make yet.

`migration.py factory_core "add zones"` compares on an empty PostgreSQL of its own. The result is a proposal:
read it, and write what it cannot know (data to carry over, locks to avoid, tables to end).
"""

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.operations.ops import DropTableOp, MigrationScript

from embedded import PostgresServer, free_port
from vfactory.stack.parts import SERVICES

USAGE = 'Usage: make migration SERVICE={} MESSAGE="add zones"'
# Enough for a service to be imported; only the database is real.
ENVIRONMENT = {"REDIS_URL": "redis://127.0.0.1:1/0", "AUTH_SECRET": "0123456789abcdef0123456789abcdef"}


def main() -> int:
    """Write the file and say where it is; 2 when called in a wrong way."""
    packages = [service.package for service in SERVICES]
    package, message = (*sys.argv[1:], "", "")[:2]
    if package not in packages or not message.strip():
        print(USAGE.format("|".join(packages)), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="v-factory-") as folder:
        Path(folder).chmod(0o711)
        with PostgresServer(Path(folder) / "postgres", port=free_port(), password="none") as server:  # noqa: S106
            os.environ.update(ENVIRONMENT, DATABASE_URL=server.url())
            path = write(package, message.strip())
    subprocess.run([Path(sys.executable).parent / "ruff", "format", "--quiet", path], check=True)  # noqa: S603
    print(path)
    return 0


def write(package: str, message: str) -> str:
    """Bring the empty database to the newest revision, compare, write the next one; its path."""
    subprocess.run([sys.executable, "-m", package, "migrate"], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    location = importlib.import_module(f"{package}.db").MIGRATIONS
    config = Config()
    config.set_main_option("script_location", location)
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    versions = Path(str(importlib.import_module(package).__file__)).parent / "migrations" / "versions"
    taken = [int(file.name[:4]) for file in versions.glob("[0-9][0-9][0-9][0-9]_*.py")]
    number = f"{max(taken, default=0) + 1:04d}"
    script = command.revision(
        config, message, autogenerate=True, rev_id=number, process_revision_directives=keep_tables
    )
    return str(getattr(script, "path", ""))


def keep_tables(_context: object, _revision: object, directives: list[MigrationScript]) -> None:
    """Propose no table's end: those without rows of the service's own are the kit's and Alembic's."""
    for script in directives:
        proposed = script.upgrade_ops
        if proposed is None or script.downgrade_ops is None:
            continue
        ended = {operation.table_name for operation in proposed.ops if isinstance(operation, DropTableOp)}
        proposed.ops = [
            operation for operation in proposed.ops if getattr(operation, "table_name", None) not in ended
        ]
        proposed.reverse_into(script.downgrade_ops)


if __name__ == "__main__":
    sys.exit(main())
