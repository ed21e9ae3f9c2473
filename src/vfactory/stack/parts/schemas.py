"""Finds the outdated schemas, so that a start runs only the migrations that are needed."""

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from embedded import PostgresServer, StatementError
from vfactory.stack.parts.services import Service

_NUMBERED: Final = re.compile(r"(\d{4})_\w+\.py")


def newest_revision(package: str) -> str | None:
    """Return the highest number among the migrations of `package`; None unless all of them are numbered."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "migrations" / "versions"
    names = [_NUMBERED.fullmatch(file.name) for file in folder.glob("*.py") if file.name != "__init__.py"]
    numbers = [name.group(1) for name in names if name]
    return max(numbers) if numbers and len(numbers) == len(names) else None


def find_outdated(server: PostgresServer, database: str, services: Sequence[Service]) -> list[Service]:
    """Return the services whose schema in `database` is not known to be at its newest revision."""
    known = " UNION ALL ".join(
        f"SELECT '{service.package}=' || version_num FROM {service.package}.alembic_version"  # noqa: S608
        for service in services
    )
    try:
        current = server.ask(known, database=database).splitlines()
    except StatementError:  # at the first start the tables do not exist
        return list(services)
    return [
        service
        for service in services
        if f"{service.package}={newest_revision(service.package)}" not in current
    ]
