"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from vfactory.stack.state import HOME_VARIABLE

HomeOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar=HOME_VARIABLE,
        help="The state directory, with data, logs and secrets.",
        show_default=".vfactory in the project",
    ),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
