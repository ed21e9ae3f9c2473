"""The catalogue of the monitoring's programs, and where to find each on this machine."""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vfactory.stack.configuration import chosen_folder
from vfactory.stack.programs.packages import FOLDER_VARIABLE, HOW_TO_GET_THEM, ProgramsError, fetch

NEWER_SUITE: Final = "sid"


@dataclass(frozen=True)
class PackagedProgram:
    """A program, its package in the distribution, and its names elsewhere."""

    name: str
    package: str
    other_names: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names under which the program may be found."""
        return (self.name, *self.other_names)


PROMETHEUS: Final = PackagedProgram("prometheus", "prometheus")
PROMTOOL: Final = PackagedProgram("promtool", "prometheus")
ALERTMANAGER: Final = PackagedProgram("prometheus-alertmanager", "prometheus-alertmanager", ("alertmanager",))
AMTOOL: Final = PackagedProgram("amtool", "prometheus-alertmanager")
NODE_EXPORTER: Final = PackagedProgram(
    "prometheus-node-exporter", "prometheus-node-exporter", ("node_exporter",)
)
POSTGRES_EXPORTER: Final = PackagedProgram(
    "prometheus-postgres-exporter", "prometheus-postgres-exporter", ("postgres_exporter",)
)
REDIS_EXPORTER: Final = PackagedProgram(
    "prometheus-redis-exporter", "prometheus-redis-exporter", ("redis_exporter",)
)
BLACKBOX_EXPORTER: Final = PackagedProgram(
    "prometheus-blackbox-exporter", "prometheus-blackbox-exporter", ("blackbox_exporter",)
)
PROGRAMS: Final = (
    PROMETHEUS,
    PROMTOOL,
    ALERTMANAGER,
    AMTOOL,
    NODE_EXPORTER,
    POSTGRES_EXPORTER,
    REDIS_EXPORTER,
    BLACKBOX_EXPORTER,
)


def programs_folder(home: Path) -> Path:
    """Return the folder of fetched programs: VFACTORY_PROGRAMS_DIR if set, else `home`/programs."""
    return chosen_folder(FOLDER_VARIABLE, os.environ.get(FOLDER_VARIABLE, "")) or home / "programs"


def find_program(program: PackagedProgram, home: Path) -> Path | None:
    """Return the executable on PATH, else the fetched one; None if there is neither."""
    places = (None, str(programs_folder(home)))
    found = (shutil.which(name, path=place) for place in places for name in program.names)
    return next((Path(path) for path in found if path), None)


def find_programs(wanted: Iterable[PackagedProgram], home: Path) -> dict[PackagedProgram, Path]:
    """Return the paths of those of `wanted` that are found."""
    return {program: path for program in wanted if (path := find_program(program, home)) is not None}


def require_programs(wanted: Sequence[PackagedProgram], home: Path) -> dict[PackagedProgram, Path]:
    """Return the paths of all of `wanted`, after fetching missing ones.

    Raises:
        ProgramsError: one cannot be fetched; the text says why and how to get it.
    """
    missing = set(wanted) - set(find_programs(wanted, home))
    if missing:
        fetch({program.package for program in missing}, programs_folder(home))
    found = find_programs(wanted, home)
    absent = [program.name for program in wanted if program not in found]
    if absent:
        raise ProgramsError(f"There is no {', '.join(absent)} for this machine. {HOW_TO_GET_THEM}")
    return found


def newer_prometheus(home: Path) -> Path:
    """Return a folder with `prometheus` and `promtool` of Debian's newest suite, for tests against them.

    Raises:
        ProgramsError: they cannot be fetched.
    """
    folder = programs_folder(home) / "newer"
    if not all((folder / name).exists() for name in ("prometheus", "promtool")):
        fetch({"prometheus", "promtool"}, folder, suite=NEWER_SUITE)
    return folder
