"""The shared parts of client commands: options, a connected client, and errors as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, TypeAlias

import typer

from plant_client import PlantClient, PlantError
from vfactory.client.errors import EXIT_INTERRUPTED, CommandError, exit_code_of
from vfactory.client.find_plant import find_plant
from vfactory.client.output import message
from vfactory.commands.terminal import complain
from vfactory.stack.errors import REFUSALS, exit_code, explain

UrlOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="VFACTORY_URL",
        help="Address of a remote plant's API; default: the local plant.",
    ),
]
FactoryOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--factory", "-F", help="The factory's id or unique name; needed if there are several."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@contextmanager
def connected(url: str | None) -> Iterator[PlantClient]:
    """Yield a client of the plant; turn an error of the block into a sentence on stderr and an exit code.

    Raises:
        typer.Exit: The command failed.
    """
    try:
        with PlantClient(find_plant(url)) as client:
            yield client
    except (CommandError, PlantError) as error:
        complain(message(error))
        raise typer.Exit(exit_code_of(error)) from error
    except REFUSALS as error:
        complain("; ".join([explain(error), *getattr(error, "__notes__", [])]))
        raise typer.Exit(exit_code(error)) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(EXIT_INTERRUPTED) from error
