"""A state directory of an earlier release goes on: its data, its tokens, and from then on its roles."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from embedded import PostgresServer, make_folder
from support.plant.stack import Stack
from support.servers import environment
from utils.auth import Role, issue_token
from vfactory.stack.configuration import DATABASE, POSTGRES, Configuration
from vfactory.stack.parts import SERVICES, postgres_server
from vfactory.stack.state import keep_secret

OWNERS = """
    SELECT DISTINCT nspname || ' ' || pg_get_userbyid(relowner)
    FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid
    WHERE nspname IN ('factory_core', 'incident_event', 'asset_management') ORDER BY 1
"""


def as_before(stack: Stack) -> PostgresServer:
    """Make what an earlier release left: a secret for tokens, and one superuser for all schemas."""
    keep_secret(stack.home, "auth")
    told = Configuration(home=stack.home, ports=stack.ports)
    make_folder(told.logs)
    server = postgres_server(told)
    with server:
        server.create_database(DATABASE)
        for service in SERVICES:
            subprocess.run(
                [sys.executable, "-m", service.package, "migrate"],
                env=environment(service.name, server.url(DATABASE), ""),
                check=True,
            )
    return server


def names(stack: Stack, token: str) -> list[str]:
    """The names of the plant's factories, asked for with a token."""
    url = f"{stack.part('factory-core')['where']}/v1/factories"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    answer.raise_for_status()
    return [item["name"] for item in answer.json()["items"]]


def test_data_and_tokens_of_before_hold_and_each_service_gets_its_role(
    make_stack: Callable[..., Stack],
) -> None:
    stack = make_stack(first=True)
    server = as_before(stack)
    before = issue_token(keep_secret(stack.home, "auth").value, subject="kim", role=Role.VIEWER)
    expired = issue_token(
        keep_secret(stack.home, "auth").value,
        subject="kim",
        role=Role.VIEWER,
        lifetime=timedelta(seconds=-60),
    )

    stack.run("up", "-d", code=0)
    assert server.ask(OWNERS, database=DATABASE).splitlines() == sorted(
        f"{service.package} {service.package}" for service in SERVICES
    )
    stack.run("factories", "add", "New", code=0)
    assert names(stack, before) == names(stack, stack.run("token", "--role", "viewer", code=0).stdout.strip())
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        names(stack, expired)
    assert POSTGRES in {part["name"] for part in stack.status()["parts"]}
    stack.run("down", code=0)


def test_without_the_secret_of_before_its_tokens_end(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack()
    secret = keep_secret(stack.home, "auth")
    token = issue_token(secret.value, subject="kim", role=Role.VIEWER)
    secret.file.unlink()
    stack.run("up", "-d", code=0)
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        names(stack, token)
    stack.run("down", code=0)
