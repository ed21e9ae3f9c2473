"""The monitoring's programs: found on PATH, or unpacked from the distribution's packages without root."""

from vfactory.stack.programs.catalogue import (
    ALERTMANAGER,
    AMTOOL,
    BLACKBOX_EXPORTER,
    NODE_EXPORTER,
    POSTGRES_EXPORTER,
    PROGRAMS,
    PROMETHEUS,
    PROMTOOL,
    REDIS_EXPORTER,
    PackagedProgram,
    find_program,
    newer_prometheus,
    programs_folder,
    require_programs,
)
from vfactory.stack.programs.packages import (
    FOLDER_VARIABLE,
    HOW_TO_GET_THEM,
    LIBRARIES,
    ProgramsError,
    fetch,
    shared_files,
)

__all__ = [
    "ALERTMANAGER",
    "AMTOOL",
    "BLACKBOX_EXPORTER",
    "FOLDER_VARIABLE",
    "HOW_TO_GET_THEM",
    "LIBRARIES",
    "NODE_EXPORTER",
    "POSTGRES_EXPORTER",
    "PROGRAMS",
    "PROMETHEUS",
    "PROMTOOL",
    "REDIS_EXPORTER",
    "PackagedProgram",
    "ProgramsError",
    "fetch",
    "find_program",
    "newer_prometheus",
    "programs_folder",
    "require_programs",
    "shared_files",
]
