"""Finds the state directory, and the addresses of the stack that uses it."""

import os
from collections.abc import Mapping
from pathlib import Path

from vfactory.stack.configuration import chosen_folder, default_home
from vfactory.stack.errors import NotRunningError
from vfactory.stack.state.lock import find_supervisor
from vfactory.stack.state.stack_record import read_record

HOME_VARIABLE = "VFACTORY_HOME"


def state_directory(given: Path | None = None) -> Path:
    """Return the state directory: `given`, else VFACTORY_HOME, else `.vfactory` in the project.

    Raises:
        SettingError: VFACTORY_HOME names a user's home folder that does not exist.
    """
    return given or chosen_folder(HOME_VARIABLE, os.environ.get(HOME_VARIABLE, "")) or default_home()


def service_urls(home: Path) -> Mapping[str, str]:
    """Return the addresses of all APIs and workers of the stack that runs in `home`, by name.

    Raises:
        NotRunningError: no stack runs there.
    """
    known = read_record(home)
    if known is None or find_supervisor(home) is None:
        raise NotRunningError(f"V-Factory does not run in {home}. Start it with `vfactory up`.")
    return known.urls()
