"""What a client command ends with: a sentence and an exit code."""

from typing import ClassVar

from plant_client import PlantError, UnreachableError

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130


class CommandError(Exception):
    """The command could not do its work; the text is the sentence shown."""

    exit_code: ClassVar[int] = EXIT_REFUSED


class UsageError(CommandError):
    """What was typed cannot be meant; nothing was sent."""

    exit_code = EXIT_USAGE


def exit_code_of(error: CommandError | PlantError) -> int:
    """Return what a command ends with that failed so."""
    if isinstance(error, PlantError):
        return EXIT_UNREACHABLE if isinstance(error, UnreachableError) else EXIT_REFUSED
    return error.exit_code
