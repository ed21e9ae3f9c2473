"""What every client command needs: its shared options, a connected client, and errors as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, TypeAlias

import typer

from plant_client import PlantClient, PlantError
from vfactory.client.errors import EXIT_INTERRUPTED, CommandError, exit_code_of
from vfactory.client.find_plant import find_plant
from vfactory.commands.terminal import complain
from vfactory.stack.errors import REFUSALS, exit_code, explain

UrlOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="VFACTORY_URL",
        help="Address under which a remote plant serves its whole API; default: the local plant.",
    ),
]
FactoryOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--factory", "-F", help="The factory's id or unique name; needed where there are several."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@contextmanager
def connected(url: str | None) -> Iterator[PlantClient]:
    """Give a client of the plant, and end the command with a sentence and its exit code where it fails.

    Raises:
        typer.Exit: The command failed; the reason is on stderr.
    """
    try:
        with PlantClient(find_plant(url)) as client:
            yield client
    except (CommandError, PlantError) as error:
        complain("; ".join([str(error), *getattr(error, "__notes__", [])]))
        raise typer.Exit(exit_code_of(error)) from error
    except REFUSALS as error:
        complain("; ".join([explain(error), *getattr(error, "__notes__", [])]))
        raise typer.Exit(exit_code(error)) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(EXIT_INTERRUPTED) from error
