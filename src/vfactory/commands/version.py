"""`vfactory --version`: prints the installed release."""

from importlib.metadata import version
from typing import Annotated

import typer


def _print_release(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if wanted:
        typer.echo(f"vfactory {version('v-factory')}")
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option("--version", help="Show the version and exit.", callback=_print_release, is_eager=True),
]
