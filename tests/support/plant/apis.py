"""The three services and their committed documents, for tests that send nonsense to all of them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from contracts.access import ACCESS
from support import ROOT
from support.servers import AUTH_SECRET, RunningProcess
from utils.auth import Role, issue_token

OPENAPI = ROOT / "openapi"
SERVICES = list(ACCESS)

Started = Callable[[str], RunningProcess]


def admin_token() -> str:
    return token_of(Role.ADMIN)


def token_of(role: Role) -> str:
    return issue_token(AUTH_SECRET, subject="fuzz", role=role)


def token_for(service: str, method: str, path: str) -> str:
    """Sign a token that may use the operation: an admin's, unless it is for somebody else only."""
    roles = ACCESS[service][method, path]
    return admin_token() if Role.ADMIN in roles else token_of(next(iter(roles)))


def document(service: str) -> dict[str, Any]:
    """Read the committed document of a service."""
    parsed: dict[str, Any] = json.loads((OPENAPI / f"{service}.json").read_text(encoding="utf-8"))
    return parsed


def operations(service: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give each operation of a service: method, path, what the document says."""
    for path, item in document(service)["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def find_failures(process: RunningProcess) -> list[str]:
    """Give the process's log lines of level ERROR and above."""
    return [line for line in process.lines if json.loads(line)["level"] in ("ERROR", "CRITICAL")]
