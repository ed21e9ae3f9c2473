"""What can go wrong with the local stack, told so that a person can act on it, and the exit codes."""

from collections.abc import Mapping
from typing import ClassVar, Final, TypeAlias

from embedded import (
    AccessError,
    DamagedDataError,
    DiskFullError,
    EmbeddedError,
    NotInstalledError,
    PortTakenError,
)

NOT_STARTED: Final = 70
"""Exit code of a command whose server or service did not come up."""

_EXIT_CODES: Final[Mapping[type[EmbeddedError], int]] = {
    DamagedDataError: 65,
    PortTakenError: 69,
    DiskFullError: 74,
    AccessError: 77,
}
_OTHER_FOLDER: Final = "Or choose another folder with VFACTORY_HOME."
# What the command can do about an error of the embedded servers, which know nothing of its settings.
_ADVICE: Final[Mapping[type[EmbeddedError], str]] = {
    AccessError: _OTHER_FOLDER,
    DamagedDataError: _OTHER_FOLDER,
    DiskFullError: _OTHER_FOLDER,
    NotInstalledError: "V-Factory's extra `local` has it. Or set DATABASE_URL and REDIS_URL.",
}


class StackError(Exception):
    """A refusal to start or go on; its text is shown to the user as it is."""

    exit_code: ClassVar[int] = 1


class AlreadyRunningError(StackError):
    """Another `vfactory up` holds this state directory."""

    exit_code = 75


class CannotStopError(StackError):
    """The process that runs the stack does not end, or belongs to another user."""

    exit_code = 77


class SettingError(StackError):
    """A flag or variable has a value that is not allowed."""

    exit_code = 78


class PartFailedError(StackError):
    """A part of the stack did not come up."""

    exit_code = NOT_STARTED


class NotRunningError(StackError):
    """There is no stack to talk to."""

    exit_code = 3


class UnknownPartError(StackError):
    """The stack has no part of that name."""

    exit_code = 2


Refusal: TypeAlias = StackError | EmbeddedError
REFUSALS: Final = (StackError, EmbeddedError)
"""Every error that ends a command with a sentence instead of a traceback."""


def explain(error: Refusal) -> str:
    """Return what went wrong and what can be done about it."""
    text = str(error)
    advice = _ADVICE.get(type(error)) if isinstance(error, EmbeddedError) else None
    if advice is None:
        return text
    return ("\n" if "\n" in text else " ").join((text, advice))


def exit_code(error: Refusal) -> int:
    """Return the exit code of the command that `error` ends."""
    return error.exit_code if isinstance(error, StackError) else _EXIT_CODES.get(type(error), NOT_STARTED)
