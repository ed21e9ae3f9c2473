"""The errors of the local stack, with texts that say what to do, and their exit codes."""

from collections.abc import Mapping
from typing import ClassVar, Final, TypeAlias

from embedded import (
    AccessError,
    AddressError,
    DamagedDataError,
    DiskFullError,
    EmbeddedError,
    NotInstalledError,
    PortForbiddenError,
    PortTakenError,
    UnusablePathError,
)

NOT_STARTED: Final = 70
"""The exit code of a command whose server or service did not start."""

_EXIT_CODES: Final[Mapping[type[EmbeddedError], int]] = {
    DamagedDataError: 65,
    PortTakenError: 69,
    DiskFullError: 74,
    AccessError: 77,
    UnusablePathError: 77,
    PortForbiddenError: 77,
    AddressError: 78,
}
_OTHER_FOLDER: Final = "Or choose another folder with VFACTORY_HOME."
# Advice for errors of the embedded servers, which do not know the command's settings.
_ADVICE: Final[Mapping[type[EmbeddedError], str]] = {
    AccessError: _OTHER_FOLDER,
    DamagedDataError: _OTHER_FOLDER,
    DiskFullError: _OTHER_FOLDER,
    UnusablePathError: "Choose another folder with VFACTORY_HOME.",
    NotInstalledError: "V-Factory's extra `local` has it. Or set DATABASE_URL and REDIS_URL.",
}


class StackError(Exception):
    """The stack cannot start or continue; the text is shown to the user."""

    exit_code: ClassVar[int] = 1


class AlreadyRunningError(StackError):
    """Another `vfactory up` uses this state directory."""

    exit_code = 75


class CannotStopError(StackError):
    """The process that runs the stack does not end, or belongs to another user."""

    exit_code = 77


class SettingError(StackError):
    """An option or variable has an invalid value."""

    exit_code = 78


class PartFailedError(StackError):
    """A part of the stack did not start."""

    exit_code = NOT_STARTED


class NotRunningError(StackError):
    """The stack, or the part asked for, does not run."""

    exit_code = 3


class UnknownPartError(StackError):
    """The stack has no part of that name."""

    exit_code = 2


Refusal: TypeAlias = StackError | EmbeddedError
REFUSALS: Final = (StackError, EmbeddedError)
"""Every error that ends a command with a sentence instead of a traceback."""


def explain(error: Refusal) -> str:
    """Return the error's text, with advice on what to do."""
    text = str(error)
    advice = _ADVICE.get(type(error)) if isinstance(error, EmbeddedError) else None
    if advice is None:
        return text
    return ("\n" if "\n" in text else " ").join((text, advice))


def exit_code(error: Refusal) -> int:
    """Return the exit code of a command that fails with `error`."""
    return error.exit_code if isinstance(error, StackError) else _EXIT_CODES.get(type(error), NOT_STARTED)
