"""`vfactory token`: prints a bearer token for the local stack."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec
import typer

from utils.auth import Role, issue_token
from vfactory.commands.options import HomeOption, JsonOption
from vfactory.commands.terminal import tell
from vfactory.stack.state import COMMAND, find_signing_key, state_directory

MOST_HOURS = 24 * 366


def token(
    *,
    role: Annotated[Role, typer.Option(help="The role of the token's bearer.")],
    factory: Annotated[
        list[UUID] | None,
        typer.Option(help="A factory that the token is for; repeatable.", show_default="all"),
    ] = None,
    hours: Annotated[float, typer.Option(min=0.001, max=MOST_HOURS, help="Hours that it is valid.")] = 12,
    subject: Annotated[str, typer.Option(help="The subject's name, 1 to 200 characters.")] = "local",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a token signed with the local stack's key.

    Exit codes: 0 printed, 2 wrong usage, 3 no stack has run here yet.
    """
    if not 1 <= len(subject) <= 200:  # noqa: PLR2004 - as services read it
        raise typer.BadParameter("must have 1 to 200 characters", param_hint="--subject")
    key = find_signing_key(state_directory(home))
    lifetime = timedelta(hours=hours)
    text = issue_token(
        key, subject=subject, role=role, factories=factory or "*", lifetime=lifetime, issuer=COMMAND
    )
    if as_json:
        answer = {
            "token": text,
            "role": role,
            "factories": factory or "*",
            "expires_in": lifetime.total_seconds(),
        }
        tell(msgspec.json.encode(answer).decode())
    else:
        tell(text)
