"""Finds the state directory and what other programs of this machine may know about the stack that uses it."""

import os
from collections.abc import Mapping
from pathlib import Path

from vfactory.stack import record
from vfactory.stack.configuration import default_home
from vfactory.stack.errors import NotRunningError

HOME_VARIABLE = "VFACTORY_HOME"


def state_directory(given: Path | str | None = None) -> Path:
    """The state directory: the one given, else that of VFACTORY_HOME, else `.vfactory` in the project."""
    chosen = str(given or "") or os.environ.get(HOME_VARIABLE, "")
    return Path(chosen).expanduser().absolute() if chosen else default_home()


def service_urls(home: Path) -> Mapping[str, str]:
    """Address of every API and worker of the stack that runs in `home`, by name.

    Raises:
        NotRunningError: none does.
    """
    known = record.read_record(home)
    if known is None or record.supervisor(home) is None:
        raise NotRunningError(f"V-Factory does not run in {home}. Start it with `vfactory up`.")
    return known.urls()
