"""Errors of client commands, each with a sentence and an exit code."""

from typing import ClassVar

from plant_client import PlantError, UnreachableError, UnsendableError

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130
_EXIT_CODES = {UnreachableError: EXIT_UNREACHABLE, UnsendableError: EXIT_USAGE}


class CommandError(Exception):
    """The command failed; the text is the sentence shown."""

    exit_code: ClassVar[int] = EXIT_REFUSED


class UsageError(CommandError):
    """The command line is wrong; nothing was sent."""

    exit_code = EXIT_USAGE


def exit_code_of(error: CommandError | PlantError) -> int:
    """Return the exit code of a command that failed with `error`."""
    if isinstance(error, PlantError):
        return next((code for kind, code in _EXIT_CODES.items() if isinstance(error, kind)), EXIT_REFUSED)
    return error.exit_code
