"""Options that several commands share."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from vfactory.stack.configuration import chosen_folder
from vfactory.stack.state import HOME_VARIABLE


def folder_option(option: str, variable: str, help_: str, default: str) -> Any:
    """Return an option that takes a folder; an empty value means the default."""
    return typer.Option(
        option,
        envvar=variable,
        parser=partial(chosen_folder, variable),
        metavar="PATH",
        help=help_,
        show_default=default,
    )


HomeOption: TypeAlias = Annotated[
    Path | None,
    folder_option(
        "--home",
        HOME_VARIABLE,
        "The state directory, with data, logs and secrets.",
        ".vfactory in the project",
    ),
]
LogFolderOption: TypeAlias = Annotated[
    Path | None, folder_option("--log-dir", "VFACTORY_LOG_DIR", "Folder of the log files.", "HOME/logs")
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
