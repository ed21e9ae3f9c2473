import json
from pathlib import Path

import httpx
import jwt
import pytest

from support.plant.stack import Stack
from vfactory.stack.state import find_signing_key, keep_issuers

FACTORY = "01890a5d-ac96-774b-bcce-b302099a8057"


def claims(token: str, home: Path) -> dict[str, object]:
    public = find_signing_key(home).private.public_key()
    read: dict[str, object] = jwt.decode(
        token.strip(), public, algorithms=["ES256"], audience="v-factory", issuer="vfactory"
    )
    return read


def test_a_token_and_nothing_else_is_printed(tmp_path: Path) -> None:
    keep_issuers(tmp_path)
    read = claims(Stack(tmp_path).run("token", "--role", "operator", code=0).stdout, tmp_path)
    assert (read["role"], read["factories"], read["sub"]) == ("operator", "*", "local")
    assert int(str(read["exp"])) - int(str(read["iat"])) == 12 * 3600


def test_factories_hours_and_subject_are_as_told(tmp_path: Path) -> None:
    keep_issuers(tmp_path)
    arguments = ("--factory", FACTORY, "--hours", "0.5", "--subject", "김", "--role", "viewer", "--json")
    said = json.loads(Stack(tmp_path).run("token", *arguments, code=0).stdout)
    read = claims(said["token"], tmp_path)
    assert (read["role"], read["factories"], read["sub"]) == ("viewer", [FACTORY], "김")
    assert int(str(read["exp"])) - int(str(read["iat"])) == said["expires_in"] == 1800


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--role", "emperor"),
        ("--role", "viewer", "--factory", "x"),
        ("--role", "viewer", "--hours", "0"),
        ("--role", "viewer", "--hours", "nan"),
        ("--role", "viewer", "--subject", ""),
        ("--role", "viewer", "--subject", "x" * 201),
    ],
)
def test_wrong_usage_is_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    keep_issuers(tmp_path)
    refused = Stack(tmp_path).run("token", *arguments, code=2)
    assert refused.stdout == ""


def test_before_the_first_start_there_is_no_key(tmp_path: Path) -> None:
    assert "vfactory up" in Stack(tmp_path).run("token", "--role", "viewer", code=3).stderr
    assert list(tmp_path.iterdir()) == []


def test_the_running_services_accept_it(running_stack: Stack) -> None:
    token = running_stack.run("token", "--role", "viewer", code=0).stdout.strip()
    url = f"{running_stack.part('factory-core')['where']}/v1/factories"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
