"""The shared parts of client commands: options, a connected client, and errors as one sentence."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Annotated, Final, TypeAlias

import typer

from plant_client import PlantClient, PlantError, RefusedError
from vfactory.client.errors import EXIT_INTERRUPTED, CommandError, exit_code_of
from vfactory.client.find_plant import find_plant
from vfactory.client.output import message
from vfactory.client.references import FACTORY_VARIABLE
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
    typer.Option(
        "--factory",
        "-F",
        envvar=FACTORY_VARIABLE,
        help="The factory's name, id, or the beginning of its id; needed if there are several.",
    ),
]
ScopeOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--factory",
        "-F",
        envvar=FACTORY_VARIABLE,
        help="Only this factory's: its name, id, or the beginning of its id.",
        show_default="all factories",
    ),
]
AllFactoriesOption: TypeAlias = Annotated[
    bool,
    typer.Option("--all-factories", "-A", help=f"Those of all factories, whatever {FACTORY_VARIABLE} says."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


@contextmanager
def connected(url: str | None, names: Mapping[str, str] = NO_NAMES) -> Iterator[PlantClient]:
    """Yield a client of the plant; turn an error of the block into a sentence on stderr and an exit code.

    Args:
        url: of the plant, if given.
        names: the options by the names of the API's fields that they are sent in.

    Raises:
        typer.Exit: The command failed.
    """
    try:
        with PlantClient(find_plant(url)) as client:
            yield client
    except RefusedError as error:
        notes = getattr(error, "__notes__", [])
        complain(
            "; ".join([error.tell({"factory": "--factory", "factory_id": "--factory", **names}), *notes])
        )
        raise typer.Exit(exit_code_of(error)) from error
    except (CommandError, PlantError) as error:
        complain(message(error))
        raise typer.Exit(exit_code_of(error)) from error
    except REFUSALS as error:
        complain("; ".join([explain(error), *getattr(error, "__notes__", [])]))
        raise typer.Exit(exit_code(error)) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(EXIT_INTERRUPTED) from error
